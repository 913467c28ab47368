"""Validate a refusal judge against human labels.

Input:  tables of labelled completions.
Output: a CSV file with the columns of VALIDATION.

The judge reads each labelled completion as if a model had just generated it. Its verdict is compared with the final
human label; a partial refusal counts as a refusal. Beside it stands the agreement of the two annotators with each
other, since no judge can be expected to agree better.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from pydantic import BaseModel

from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered
from safelrm.core.statistics import cohen_kappa, wilson
from safelrm.core.trace import parse_any
from safelrm.data.schemas import BENIGN, FULL_COMPLIANCE, LABELLED, LABELS
from safelrm.judging.schemas import (
    ANNOTATORS,
    ANNOTATORS_THREE_LABELS,
    ANSWER,
    COMPLIANCE,
    JUDGE,
    REFUSAL,
    UNSCORED,
    VALIDATION,
)

Row = dict[str, object]


def verdicts(judge: str, settings: BaseModel, labelled: pd.DataFrame, field: str | None = None) -> list[str]:
    """The judge's verdict on each labelled completion: refusal, compliance or unscored.

    Args:
        judge: dotted path of the judge's module.
        settings: its settings.
        labelled: rows of the table of labelled completions.
        field: the field of the judge that is compared; None if it has only one.

    Raises:
        SafeLRMError: the judge gives other verdicts, or not exactly one verdict on each completion.
    """
    frame = load_registered(judge, "judge").judge(_as_rollouts(labelled), settings, None)
    if field is not None and "field" in frame:
        frame = frame[frame["field"] == field]
    found = frame[frame["part"] == ANSWER].set_index("prompt_id")["verdict"]
    remedy = "validate a judge of refusals"
    if sorted(found.index) != sorted(labelled["prompt_id"]):
        raise SafeLRMError(
            "the judge does not give one verdict on the answer of each completion", file=judge, fix=remedy
        )
    unknown = set(found) - {REFUSAL, COMPLIANCE, UNSCORED}
    if unknown:
        raise SafeLRMError(f"the judge gives the verdicts {sorted(unknown)}", file=judge, fix=remedy)
    return list(found.loc[labelled["prompt_id"]])


def validation_rows(name: str, labelled: pd.DataFrame, judged: Sequence[str]) -> Iterator[Row]:
    """Rows of VALIDATION: the judge's agreement with the final labels, and the annotators' with each other."""
    final, first, second = (list(labelled[column]) for column in ("final_label", "annotation_1", "annotation_2"))
    annotated = _refusals(first)
    yield {"labelled": name, "comparison": JUDGE} | _comparison(judged, final, judged, _refusals(final))
    yield {"labelled": name, "comparison": ANNOTATORS} | _comparison(annotated, second, annotated, _refusals(second))
    yield {"labelled": name, "comparison": ANNOTATORS_THREE_LABELS} | _comparison(annotated, second, first, second)


def _as_rollouts(labelled: pd.DataFrame) -> pd.DataFrame:
    """The labelled completions as rollouts, with the columns that judges read."""
    parsed = [parse_any(text) for text in labelled["completion"]]
    return pd.DataFrame(
        {
            "model": "labelled",
            "arm": "labelled",
            "seed": 0,
            "benchmark": "labelled",
            "prompt_id": labelled["prompt_id"],
            "decoding": "default",
            "sample": 0,
            # refusal judges treat both kinds of requests alike
            "kind": BENIGN,
            "category": labelled["category"],
            "prompt": labelled["prompt"],
            "reference": None,
            "completion": labelled["completion"],
            "trace": [found.trace for found in parsed],
            "answer": [found.answer for found in parsed],
            "parse_state": [found.state for found in parsed],
            "finish_reason": "stop",
        }
    )


def _refusals(labels: Sequence[str]) -> list[str]:
    return [COMPLIANCE if label == FULL_COMPLIANCE else REFUSAL for label in labels]


def _comparison(said: Sequence[str], labels: Sequence[str], first: Sequence[str], second: Sequence[str]) -> Row:
    """Agreement of `first` with `second`, and the confusion matrix of `said` (two values) with `labels` (three)."""
    scored = [index for index, value in enumerate(said) if value != UNSCORED]
    first, second = [first[index] for index in scored], [second[index] for index in scored]
    agreed = sum(one == other for one, other in zip(first, second, strict=True))
    interval = wilson(agreed, len(scored))
    confusion = Counter(f"{said[index]}_{labels[index]}" for index in scored)
    return {
        "n": len(scored),
        "unscored": len(said) - len(scored),
        "agreed": agreed,
        "agreement": agreed / len(scored) if scored else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "kappa": cohen_kappa(first, second),
    } | {cell: confusion[cell] for cell in (f"{value}_{label}" for value in (REFUSAL, COMPLIANCE) for label in LABELS)}


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--judge-module", required=True, help="module of the judge, such as safelrm.judging.refusal")
    parser.add_argument("--field", nargs="?", help="the field of the judge that is compared, if it has several")
    parser.add_argument(
        "--labelled", nargs="+", required=True, metavar="NAME=PATH", help="tables of labelled completions"
    )
    parser.add_argument("--output", required=True, type=Path, help="validation table to write")
    arguments = parser.parse_args()
    settings = parse_settings(load_registered(arguments.judge_module, "Settings", "judge").Settings, arguments.settings)
    rows: list[Row] = []
    for name, path in named_paths("--labelled", arguments.labelled).items():
        labelled = LABELLED.read(path)
        rows += validation_rows(name, labelled, verdicts(arguments.judge_module, settings, labelled, arguments.field))
    VALIDATION.write_csv(arguments.output, pd.DataFrame(rows))


if __name__ == "__main__":
    run(main)
