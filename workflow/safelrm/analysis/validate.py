"""Validate judges: how far each agrees with human labels, or with another judge, and humans with each other.

Input:  tables of labelled completions with the judges' verdicts on them; or the verdicts of judges on a study's models.
Output: the tables VALIDATION and CONFUSION (analysis/validation_schemas.py) as CSV, and both as Markdown for readers.

Beside a judge's agreement with the label that counts stands its agreement with each annotator, and the annotators' with
each other, since no judge can be expected to agree better. A text that a judge could not score is in no number but the
bounds. Intervals are over prompts (analysis/agreement.py).
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from safelrm.analysis.agreement import Coded, Measured, Resampling, agreement, by_verdict, of_scores
from safelrm.analysis.files import read_verdicts
from safelrm.analysis.labels import LabelMap, beside, judged_texts, labelled_texts, reference_texts
from safelrm.analysis.schemas import ALL, WHOLE
from safelrm.analysis.settings import ValidationJobSettings
from safelrm.analysis.validation_schemas import (
    AGREEMENT,
    ALPHA,
    ANNOTATORS,
    ANNOTATORS_ALL_LABELS,
    CONFUSION,
    JUDGE,
    JUDGE_ANNOTATORS,
    SENSITIVITY,
    SPECIFICITY,
    VALIDATION,
)
from safelrm.analysis.validation_text import markdown
from safelrm.core.agreement import Level
from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.files import write_text
from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import LABELLED
from safelrm.judging.schemas import UNSCORED

Row = dict[str, object]
GROUP = ["texts", "part", "judge", "label", "expected", "verdict"]


def validation(
    sets: dict[str, pd.DataFrame], verdicts: pd.DataFrame, settings: ValidationJobSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of VALIDATION and of CONFUSION.

    Args:
        sets: rows of LABELLED by name; none where the labels are a reference judge's.
        verdicts: rows of VERDICTS of all judges: on the sets, or on the models of a study.
        settings: what is compared.

    Raises:
        SafeLRMError: a label stands for no verdict, or a judge has no verdicts on these texts.
    """
    numbers: list[Row] = []
    confusions: list[pd.DataFrame] = []
    labels, of_study = LabelMap(settings), settings.reference is not None
    for part in settings.parts:
        if settings.reference is not None:
            texts = reference_texts(verdicts, settings.reference, settings.fields[settings.reference], part)
        else:
            texts = labelled_texts(sets)
        given = list(zip(texts["label"], texts["texts"], strict=True))
        texts["expected"] = pd.Series([labels.verdict(*one) for one in given], dtype=object)
        texts["label"] = pd.Series([labels.known(*one) for one in given], dtype=object)
        for judge in settings.judges:
            judged = judged_texts(verdicts, judge, settings.fields[judge], part, of_study=of_study)
            pairs = beside(texts, judged, judge)
            compared = _Compared(part, judge, settings, labels)
            for name, group in _groups(pairs):
                numbers += compared.rows(name, group)
                confusions.append(compared.confusion(name, group))
    if not of_study:
        for name, group in _groups(texts):
            numbers += _annotators(name, group, settings, labels)
    return pd.DataFrame(numbers), pd.concat(confusions, ignore_index=True)


def _groups(texts: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each set of texts by name, and all of them together."""
    yield from texts.groupby("texts", sort=False)
    if texts["texts"].nunique() > 1:
        yield ALL, texts


class _Compared:
    """One judge beside the labels of one part."""

    def __init__(self, part: str, judge: str, settings: ValidationJobSettings, labels: LabelMap) -> None:
        self._names = {"part": part, "judge": judge}
        self._settings, self._labels, self._field = settings, labels, settings.fields[judge]
        self._verdicts, self._level = labels.names(self._field)

    def rows(self, name: str, pairs: pd.DataFrame) -> Iterator[Row]:
        """The judge beside the labels that count, and beside those of the annotators."""
        known = pairs[pairs["expected"].notna() & pairs["verdict"].notna()]
        unscored = known[known["verdict"] == UNSCORED]
        columns = [known["expected"], known["verdict"]]
        coded, resampling = self._coded(columns, known["prompt"]), self._resampling(name, JUDGE)
        measured = [*agreement(coded, [(0, 1)], resampling), *by_verdict(coded, self._verdicts, resampling)]
        measured += self._of_scores(known[known["verdict"] != UNSCORED])
        for one in measured:
            missed = len(unscored)
            if one.measure in (SENSITIVITY, SPECIFICITY):
                missed = int(((unscored["expected"] == one.of) == (one.measure == SENSITIVITY)).sum())
            yield self._row(name, JUDGE, one, missed, len(pairs) - len(known)) | _bounds(one, missed)
        yield from self._beside_annotators(name, pairs[pairs["verdict"].notna()], len(pairs))

    def _of_scores(self, scored: pd.DataFrame) -> list[Measured]:
        verdict = self._field.score
        if verdict is None:
            return []
        grades = scored["label"] if self._settings.threshold is not None else None
        return of_scores(scored["score"], scored["expected"] == verdict, scored["prompt"], verdict, grades)

    def _beside_annotators(self, name: str, judged: pd.DataFrame, texts: int) -> Iterator[Row]:
        given = _columns(judged, self._labels.verdict)
        if not given:
            return
        coded = self._coded([judged["verdict"], *given], judged["prompt"])
        labelled = (coded.codes[:, 1:] >= 0).any(axis=1)
        missed = int((labelled & (coded.codes[:, 0] < 0)).sum())
        coders = [(0, coder) for coder in range(1, coded.codes.shape[1])]
        for one in agreement(coded, coders, self._resampling(name, JUDGE_ANNOTATORS)):
            # the alpha of all would mostly be that of the annotators with each other
            if one.measure != ALPHA:
                yield self._row(name, JUDGE_ANNOTATORS, one, missed, texts - int(labelled.sum()))

    def confusion(self, name: str, pairs: pd.DataFrame) -> pd.DataFrame:
        """Rows of CONFUSION, by label and verdict."""
        known = pairs[pairs["expected"].notna() & pairs["verdict"].notna()].assign(texts=name, **self._names)
        rows = known.groupby(GROUP).size().rename("n").reset_index()
        places = {verdict: place for place, verdict in enumerate([*self._verdicts, UNSCORED])}
        ranks = rows.assign(expected=rows["expected"].map(places), verdict=rows["verdict"].map(places))
        return rows.loc[ranks.sort_values(["expected", "label", "verdict"]).index]

    def _coded(self, columns: Sequence[Sequence[str | None]], prompts: pd.Series) -> Coded:
        return _coded(columns, prompts, self._verdicts, self._level)

    def _resampling(self, name: str, comparison: str) -> Resampling:
        return _resampling(self._settings, name, *self._names.values(), comparison)

    def _row(self, name: str, comparison: str, one: Measured, unscored: int, left_out: int) -> Row:
        return _row(name, comparison, one) | self._names | {"unscored": unscored, "left_out": left_out}


def _annotators(name: str, texts: pd.DataFrame, settings: ValidationJobSettings, labels: LabelMap) -> Iterator[Row]:
    """The annotators beside each other: on the verdicts that their labels stand for, and on the labels themselves."""
    meant = _columns(texts, labels.verdict)
    if len(meant) < 2:
        return
    sides = {ANNOTATORS: _coded(meant, texts["prompt"], labels.verdicts, labels.level(labels.verdicts))}
    if labels.merges():
        said = _columns(texts, labels.known)
        known, level, values = labels.labels({*itertools.chain(*said)} - {None}, name)
        sides[ANNOTATORS_ALL_LABELS] = _coded(said, texts["prompt"], known, level, values)
    coders = [(one, other) for other in range(len(meant)) for one in range(other)]
    for comparison, coded in sides.items():
        for one in agreement(coded, coders, _resampling(settings, name, comparison)):
            left = {"part": WHOLE, "judge": WHOLE, "unscored": 0, "left_out": len(texts) - one.n}
            yield _row(name, comparison, one) | left


def _columns(texts: pd.DataFrame, read: Callable[[str | None, str], str | None]) -> list[list[str | None]]:
    """What each annotator's labels are read as. Texts of another set may have fewer annotators."""
    given = list(zip(texts["annotations"], texts["texts"], strict=True))
    count = max((len(row) for row, _ in given), default=0)
    return [[read(row[place], name) if place < len(row) else None for row, name in given] for place in range(count)]


def _coded(
    columns: Sequence[Sequence[str | None]],
    prompts: pd.Series,
    labels: Sequence[str],
    level: Level,
    values: tuple[float, ...] = (),
) -> Coded:
    """Labels as numbers; those that are not known, such as unscored, are missing."""
    places = {label: place for place, label in enumerate(labels)}
    codes = np.array([[places.get(label, -1) for label in column] for column in columns], dtype=int).T
    return Coded(codes, pd.factorize(prompts, sort=True)[0], len(labels), level, values)


def _resampling(settings: ValidationJobSettings, *names: str) -> Resampling:
    return Resampling(settings.bootstrap_samples, settings.confidence, derive_seed("validation", *names))


def _row(name: str, comparison: str, one: Measured) -> Row:
    return {"texts": name, "comparison": comparison, "least": None, "most": None} | asdict(one)


def _bounds(one: Measured, unscored: int) -> Row:
    """The value of a share if the judge were wrong, or right, on all that it could not score."""
    if one.value is None or one.pairs is None or one.measure not in (AGREEMENT, SENSITIVITY, SPECIFICITY):
        return {}
    size = one.n + unscored
    return {"least": one.agreed / size, "most": (one.agreed + unscored) / size}


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--labelled", nargs="*", default=[], metavar="NAME=PATH", help="tables of labelled completions")
    parser.add_argument("--verdicts", nargs="+", required=True, type=Path, help="verdicts of the judges on the texts")
    parser.add_argument("--output", required=True, type=Path, help="validation table to write, CSV")
    parser.add_argument("--confusion", required=True, type=Path, help="table of confusion matrices to write, CSV")
    parser.add_argument("--markdown", required=True, type=Path, help="both for readers, Markdown")
    arguments = parser.parse_args()
    settings = parse_settings(ValidationJobSettings, arguments.settings)
    sets = {name: LABELLED.read(path) for name, path in named_paths("--labelled", arguments.labelled).items()}
    rows, confusion = validation(sets, read_verdicts(arguments.verdicts), settings)
    VALIDATION.write_csv(arguments.output, rows)
    CONFUSION.write_csv(arguments.confusion, confusion, allow_empty=True)
    write_text(arguments.markdown, markdown(rows, confusion, settings))


if __name__ == "__main__":
    run(main)
