"""What a judge must give: checks of the rows of any judge, those of a module from outside included.

Every fault is one error that names the judge, its module, and what to mend there.
"""

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa
from pydantic import BaseModel

from safelrm.core.errors import SafeLRMError
from safelrm.core.rules import first_breach
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.coverage import gap
from safelrm.judging.fields import FIELDS, UNSCORED, JudgeField, declared
from safelrm.judging.schemas import PARTS, SCORED, STATES, VERDICTS

KEY = list(ROLLOUT_KEY)
GIVEN = [*KEY, "field", "part", "verdict", "score", "state"]


@dataclass(frozen=True)
class NamedJudge:
    """A judge of a study.

    Attributes:
        name: its key in `judges`.
        module: dotted path of its module.
        fields: what it declares.
    """

    name: str
    module: str
    fields: Mapping[str, JudgeField]

    def fault(self, problem: str, key: str | None = None, fix: str | None = None) -> SafeLRMError:
        """An error in what the judge gives."""
        fix = fix or "correct it: judging/judge.py says what a judge must give"
        return SafeLRMError(
            problem, file=f"judge {self.name}", key=key, fix=f"this is a fault of the module {self.module}: {fix}"
        )


def fields_of(module: ModuleType, settings: BaseModel) -> dict[str, JudgeField]:
    """The fields that a judge's module declares, or its settings.

    Raises:
        SafeLRMError: neither does, or not as a field must be declared.
    """
    return declared(module.__name__, getattr(module, FIELDS, None), settings.model_dump(mode="json"))


def judged_by(
    judge: NamedJudge, module: ModuleType, rollouts: pd.DataFrame, settings: BaseModel, asked: Path | None
) -> pd.DataFrame:
    """Rows of VERDICTS that a judge gives on rollouts.

    Args:
        judge: the judge.
        module: its module.
        rollouts: rows of ROLLOUTS.
        settings: the judge's settings.
        asked: the model folder of the guard or chat model that the judge asks, if any.

    Raises:
        SafeLRMError: the judge fails, or gives something else than a judge must give.
    """
    try:
        given = module.judge(rollouts, settings, asked)
    except SafeLRMError as error:
        error.file = error.file or f"judge {judge.name}"
        raise
    except Exception as error:
        traceback.print_exc()
        problem = f"the judge stopped with {type(error).__name__}: {error}"
        raise judge.fault(problem, fix="correct it; the lines above say where it stopped") from error
    return verdict_table(rollouts, given, judge)


def verdict_table(rollouts: pd.DataFrame, given: object, judge: NamedJudge) -> pd.DataFrame:
    """Rows of VERDICTS: what a judge gives, with its name, and sorted by rollout, field and part.

    Raises:
        SafeLRMError: it is something else than a judge must give.
    """
    rows = _rows(given, judge)
    if rows.empty:
        raise SafeLRMError(
            "the judge found nothing to judge in these rollouts",
            file=f"judge {judge.name}",
            fix=f"leave this judge out, or add a benchmark of a kind that {judge.module} judges",
        )
    for problem, key in _unknown_values(rows, judge):
        raise judge.fault(problem, key)
    table = _with_scores(_on_rollouts(rows, rollouts, judge), judge).assign(judge=judge.name)
    if breach := first_breach(VERDICTS.rules, pa.Table.from_pandas(table, preserve_index=False), VERDICTS.key):
        raise judge.fault(breach[1], ", ".join(breach[0].columns))
    if fault := gap(table, rollouts):
        raise judge.fault(fault)
    order = {"field": list(judge.fields).index, "part": PARTS.index}
    ranks = table.assign(**{name: table[name].map(place) for name, place in order.items()})
    return table.loc[ranks.sort_values([*KEY, *order], kind="stable").index].reset_index(drop=True)


def _rows(given: object, judge: NamedJudge) -> pd.DataFrame:
    """What the judge gives, with all columns."""
    if not isinstance(given, pd.DataFrame):
        raise judge.fault(f"`judge` returns {type(given).__name__}, not a pandas.DataFrame")
    rows = given.reset_index(drop=True)
    if "field" not in rows and len(judge.fields) == 1:
        rows = rows.assign(field=next(iter(judge.fields)))
    if "score" not in rows and not any(field.score for field in judge.fields.values()):
        rows = rows.assign(score=None)
    missing = [name for name in GIVEN if name not in rows]
    unknown = [name for name in rows if name not in GIVEN]
    if missing or unknown:
        raise judge.fault(f"the rows lack the columns {missing} and have unknown columns {unknown}")
    return rows


def _unknown_values(rows: pd.DataFrame, judge: NamedJudge) -> Iterator[tuple[str, str]]:
    """Names that are not declared, each with its column."""
    yield from _unknown(rows, "field", judge.fields)
    for name, of_field in rows.groupby("field"):
        yield from _unknown(of_field, "verdict", [*judge.fields[name].verdicts, UNSCORED], f" of the field `{name}`")
    yield from _unknown(rows, "part", PARTS)
    yield from _unknown(rows, "state", STATES)


def _unknown(rows: pd.DataFrame, column: str, known: object, of: str = "") -> Iterator[tuple[str, str]]:
    if unknown := sorted({str(value) for value in rows.loc[~rows[column].isin(known), column]}):
        yield f"it gives {unknown}, but a {column}{of} is one of {list(known)}", column


def _on_rollouts(rows: pd.DataFrame, rollouts: pd.DataFrame, judge: NamedJudge) -> pd.DataFrame:
    """The rows with the kind and the category of their rollouts. Each is on one rollout, and about one part of it."""
    said = [*KEY, "field", "part"]
    if twice := int(rows.duplicated(said).sum()):
        raise judge.fault(f"{twice} rows say something again of the same part of a rollout", ", ".join(said))
    try:
        table = rows.merge(rollouts[[*KEY, "kind", "category"]], on=KEY, how="inner", validate="many_to_one")
    except ValueError as error:
        raise judge.fault(f"the rows cannot be laid on the rollouts ({error})", ", ".join(KEY)) from error
    if len(table) != len(rows):
        raise judge.fault(f"{len(rows) - len(table)} verdicts are on no rollout of the table")
    return table


def _with_scores(table: pd.DataFrame, judge: NamedJudge) -> pd.DataFrame:
    """The rows with scores as numbers: a field that declares them has one with each verdict, any other has none."""
    try:
        table = table.astype({"score": "float64"})
    except (TypeError, ValueError) as error:
        raise judge.fault(f"a score is not a number ({error})", "score") from error
    for name, of_field in table[table["state"] == SCORED].groupby("field"):
        without, size = int(of_field["score"].isna().sum()), len(of_field)
        if judge.fields[name].score and without:
            raise judge.fault(f"{without} of {size} scored parts have no score, or NaN", "score")
        if judge.fields[name].score is None and without < size:
            raise judge.fault(f"the field `{name}` declares no `score`, but {size - without} are given", "score")
    return table
