"""What judges are checked against: texts with the label that counts, annotators' labels, and the judges' verdicts.

The texts are sets of labelled completions, or the rollouts of a study with the verdicts of a reference judge as labels.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import pandas as pd

from safelrm.analysis.settings import ValidationJobSettings
from safelrm.core.agreement import INTERVAL, NOMINAL, ORDINAL, Level
from safelrm.core.errors import SafeLRMError
from safelrm.data.records import label as as_text
from safelrm.judging.fields import JudgeField, said_by
from safelrm.judging.schemas import UNSCORED

# what identifies a text
TEXT = ["texts", "item"]
# alpha needs a table of all pairs of labels
MOST_GRADES = 300


class LabelMap:
    """The verdicts that labels stand for.

    Attributes:
        verdicts: these verdicts, in the order of the labels if they have one.
    """

    def __init__(self, settings: ValidationJobSettings) -> None:
        self._threshold = settings.threshold
        field = settings.fields[settings.judges[0]]
        self._ordered = bool(settings.order)
        if settings.threshold is not None:
            (below,) = [verdict for verdict in field.verdicts if verdict != field.score]
            self._above, self._below = field.score, below
            self.verdicts, self._verdicts_ordered = [below, field.score], True
            return
        named = {as_text(key): verdict for key, verdict in settings.labels.items()}
        named = named or {verdict: verdict for verdict in field.verdicts}
        self._order = [as_text(key) for key in settings.order] or list(named)
        self._verdict_of: Mapping[str, str | None] = {key: named[key] for key in self._order}
        runs = [verdict for verdict, _ in groupby(filter(None, self._verdict_of.values()))]
        self.verdicts = [*dict.fromkeys(runs)]
        # labels of one verdict that lie apart leave the verdicts without an order
        self._verdicts_ordered = self._ordered and len(runs) == len(self.verdicts)

    def verdict(self, label: str | None, texts: str) -> str | None:
        """The verdict that a label stands for; None for a missing label, and for one that is left out.

        Raises:
            SafeLRMError: it stands for none.
        """
        if label is None or pd.isna(label):
            return None
        if self._threshold is not None:
            return self._above if _grade(label, texts) >= self._threshold else self._below
        if label not in self._verdict_of:
            known, fix = list(self._verdict_of), "add it to `labels` of the validation: a verdict, or null"
            raise SafeLRMError(f"the label {label[:60]!r} is not one of {known}", file=texts, key="labels", fix=fix)
        return self._verdict_of[label]

    def known(self, label: str | None, texts: str) -> str | None:
        """A label that stands for a verdict, a grade in its shortest form; None for any other.

        Raises:
            SafeLRMError: it is neither known nor left out.
        """
        if self.verdict(label, texts) is None:
            return None
        return label if self._threshold is None else f"{_grade(str(label), texts):.12g}"

    def names(self, field: JudgeField) -> tuple[list[str], Level]:
        """The verdicts of a field, those of labels first, and what their differences mean."""
        names = [*self.verdicts, *(verdict for verdict in field.verdicts if verdict not in self.verdicts)]
        return names, self.level(names)

    def level(self, verdicts: Sequence[str]) -> Level:
        """What the differences of verdicts mean. Two have no order; nor has one that no label stands for."""
        return ORDINAL if self._verdicts_ordered and len(verdicts) > 2 and [*verdicts] == self.verdicts else NOMINAL

    def merges(self) -> bool:
        """Whether several labels stand for one verdict."""
        if self._threshold is not None:
            return True
        return sum(verdict is not None for verdict in self._verdict_of.values()) > len(self.verdicts)

    def labels(self, given: Collection[str], texts: str) -> tuple[list[str], Level, tuple[float, ...]]:
        """The labels that stand for a verdict, what their differences mean, and their numbers if they are grades.

        Args:
            given: labels that were given, as `known` gives them.
            texts: the set of texts, for messages.

        Raises:
            SafeLRMError: they are too many grades.
        """
        if self._threshold is None:
            kept = [key for key in self._order if self._verdict_of[key] is not None]
            return kept, ORDINAL if self._ordered and len(kept) > 2 else NOMINAL, ()
        if len(given) > MOST_GRADES:
            problem = f"annotators gave {len(given)} grades, more than {MOST_GRADES}"
            raise SafeLRMError(problem, file=texts, key="annotations", fix="round them")
        kept = sorted(given, key=float)
        return kept, INTERVAL, tuple(map(float, kept))


def _grade(label: str, texts: str) -> float:
    try:
        grade = float(label)
    except ValueError:
        grade = math.nan
    if not math.isfinite(grade):
        fix = "correct the file, leave the row out with `where_not`, or give `labels` in place of `threshold`"
        raise SafeLRMError(f"the label {label[:60]!r} is no number", file=texts, key="threshold", fix=fix)
    return grade


def labelled_texts(sets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The texts of sets of labelled completions: `texts`, `item`, `prompt`, `kind`, `label` and `annotations`.

    Args:
        sets: rows of LABELLED by name.
    """
    tables = [
        pd.DataFrame(
            {
                "texts": name,
                "item": rows["prompt_id"],
                # attacks of one behaviour are one prompt in many wordings
                "prompt": rows["behavior"].where(rows["behavior"].notna(), rows["prompt"]),
                "kind": rows["kind"],
                "label": rows["final_label"],
                "annotations": rows["annotations"].map(list),
            }
        )
        for name, rows in sets.items()
    ]
    return pd.concat(tables, ignore_index=True)


def reference_texts(verdicts: pd.DataFrame, reference: str, field: JudgeField, part: str) -> pd.DataFrame:
    """The rollouts of a study as texts, with the verdicts of a reference judge on a part as labels.

    Args:
        verdicts: rows of VERDICTS.
        reference: the judge, or one of its fields.
        field: what it declares of this field.
        part: the part.

    Raises:
        SafeLRMError: the reference has no verdicts on this part, or others than it declares.
    """
    rows = judged_texts(verdicts, reference, field, part, of_study=True)
    return rows.assign(
        label=rows["verdict"].where(rows["verdict"] != UNSCORED, None), annotations=[[] for _ in range(len(rows))]
    ).drop(columns=["verdict", "score"])


def judged_texts(verdicts: pd.DataFrame, judge: str, field: JudgeField, part: str, *, of_study: bool) -> pd.DataFrame:
    """What a judge says of a part of texts: `texts`, `item`, `prompt`, `kind`, `verdict` and `score`.

    Args:
        verdicts: rows of VERDICTS.
        judge: the judge, or one of its fields.
        field: what it declares of this field.
        part: the part.
        of_study: whether the texts are rollouts of a study, and not labelled completions.

    Raises:
        SafeLRMError: the judge has no verdicts on this part, others than it declares, or several on one text.
    """
    rows = said_by(verdicts, judge)
    rows = rows[rows["part"] == part]
    if rows.empty:
        problem, fix = f"the judge {judge} has no verdicts on the part {part}", "name other `parts`, or another judge"
        raise SafeLRMError(problem, key="validation", fix=fix)
    if unknown := sorted(set(rows["verdict"]) - {*field.verdicts, UNSCORED}):
        problem, fix = f"the judge {judge} says {unknown}, and declares {field.verdicts}", "let it judge again"
        raise SafeLRMError(problem, key="validation", fix=fix)
    run = rows["model"] + ", " + rows["arm"] + ", " + rows["decoding"]
    sample = rows["seed"].astype(str) + "\x1f" + rows["sample"].astype(str)
    prompt = rows["benchmark"] + "\x1f" + rows["prompt_id"]
    found = pd.DataFrame(
        {
            "texts": run if of_study else rows["model"],
            "item": prompt + "\x1f" + sample if of_study else rows["prompt_id"],
            "prompt": prompt,
            **{name: rows[name] for name in ("kind", "verdict", "score")},
        }
    ).reset_index(drop=True)
    if found.duplicated(TEXT).any():
        problem, fix = f"the judge {judge} has several verdicts on one text", "name one field, and each file once"
        raise SafeLRMError(problem, key="validation", fix=fix)
    return found


def beside(texts: pd.DataFrame, judged: pd.DataFrame, judge: str) -> pd.DataFrame:
    """The texts with a judge's verdict and score. Both are missing on texts of a kind that the judge does not judge.

    Raises:
        SafeLRMError: the verdicts are on other texts.
    """
    judged = judged[judged["kind"].isin(texts["kind"])]
    pairs = texts.merge(
        judged[[*TEXT, "verdict", "score"]], on=TEXT, how="outer", indicator=True, validate="one_to_one"
    )
    known = pairs["kind"].isin(judged["kind"])
    alone = int(((pairs["_merge"] == "right_only") | ((pairs["_merge"] == "left_only") & known)).sum())
    if alone or judged.empty:
        problem = f"{alone} texts have no verdict of {judge}, or its verdicts are on other texts"
        if judged.empty:
            problem = f"the judge {judge} judges no kind of these prompts"
        raise SafeLRMError(problem, key="validation", fix="give its verdicts on the same texts, or name another judge")
    return pairs.drop(columns="_merge")
