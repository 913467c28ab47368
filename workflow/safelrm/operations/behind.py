"""What is behind the numbers of a report: the trail of each run and judge, and the command that traces one number."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.stages.judging import verdict_files
from safelrm.judging.fields import judge_of
from safelrm.operations.provenance import chosen_number
from safelrm.operations.remaking import TABLES
from safelrm.operations.trails import file_line, trail_of_runs
from safelrm.reporting.page.settings import NumberOf

# CSV tables of a report whose rows are numbers of a results table
ROWS_OF = {"differences": "differences", "calibration": "calibration", "measures": "measures", "summary": "metrics"}
METRICS = "metrics"


def behind(plan: Plan, options: str) -> dict[str, object]:
    """What a page shows beside a number.

    Args:
        plan: the plan of the study.
        options: those of a command line that name its configuration.

    Returns:
        `runs`: lines of text by model and arm; `judges`: the same by judge; `commands`: by table of the report, the
        results table and its key; `options`.
    """
    runs = dict.fromkeys((model, arm) for model, arm, _ in plan.study.runs())
    return {
        "runs": {
            f"{model} {arm}": [*trail_of_runs(pd.Series({"model": model, "arm": arm}), plan)] for model, arm in runs
        },
        "judges": {name: [*_of_judge(name, plan)] for name in _named_judges(plan)},
        "commands": {name: {"table": table, "key": list(TABLES[table].key)} for name, table in ROWS_OF.items()},
        "options": options,
    }


def _named_judges(plan: Plan) -> list[str]:
    """The judges as tables name them: with a field, or without."""
    metrics = plan.study.metrics.model_dump() if plan.study.metrics else {}
    named = [value for key, value in metrics.items() if key.endswith("_judge") and value]
    return list(dict.fromkeys([*plan.study.judges, *named]))


def _of_judge(name: str, plan: Plan) -> Iterator[str]:
    judge = {"judge": judge_of(name)}
    yield f"module         {plan.judging.judge_module(judge)}"
    yield f"settings       {plan.judging.judge_settings(judge)}"
    yield from (file_line("asked", path) for path in plan.judging.asked(judge))
    yield from (file_line("verdicts", path) for path in verdict_files(plan.study, [judge["judge"]]))


def number_of(asked: NumberOf, folder: Path) -> str:
    """The text of a number that a finding names, with its interval where it has one.

    Args:
        asked: the table, and values of its key.
        folder: the results of the study.

    Raises:
        SafeLRMError: there is no such table, or the values do not leave one number.
    """
    wanted: Mapping[str, str] = {key: value for key, value in asked.items() if key != "table"}
    name = asked.get("table", METRICS)
    if name not in TABLES:
        raise SafeLRMError(f"no table {name!r}", key="table", fix=f"name one of {sorted(TABLES)}")
    table = TABLES[name]
    row = chosen_number(table.read(folder / f"{name}.parquet"), table, wanted)
    value = row.difference if "difference" in row else row.value
    if pd.isna(value):
        return "no number"
    sign = "+" if "difference" in row else ""
    interval = "" if pd.isna(row.get("low")) else f" [{row.low:{sign}.2f}, {row.high:{sign}.2f}]"
    return f"{value:{sign}.2f}{interval}"
