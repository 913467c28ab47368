"""Audit data sets: which training or tuning prompts are also benchmark prompts, and what SFT responses look like.

Input:  training, tuning and evaluation sets, each a table of prompts or of conversations.
Output: three CSV files: overlap of training and tuning prompts with evaluation prompts, and lengths and parse states of
        the responses of those training sets that have responses.

Settings that were chosen on a prompt fit this prompt. So a prompt that is in a tuning and in an evaluation set ends the
job.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import OTHER_FORMAT, PARSE_STATES, parse_completion
from safelrm.data.overlap import Pair, exact_pairs, overlapping_pairs
from safelrm.data.schemas import (
    ANSWER,
    ANY,
    CONVERSATIONS,
    LENGTHS,
    OVERLAP,
    OVERLAP_KINDS,
    PROMPTS,
    RESPONSE,
    THOUGHT,
    TRACES,
)
from safelrm.data.settings import AuditSettings

Row = dict[str, object]
Frames = Mapping[str, pd.DataFrame]
# pairs of ids that a message names
_SHOWN = 5


def state_rows(dataset: str, responses: Sequence[str]) -> Iterator[Row]:
    """How many responses are in each parse state; states without a response are rows, too, but for `other_format`.

    Stored responses have their trace in <think> tags. SFT writes them in the format of its model.
    """
    # a stored response is whole: no chat template has opened its trace
    states = Counter(parse_completion(response, prefilled=False).state for response in responses)
    for state in PARSE_STATES:
        if state == OTHER_FORMAT and not states[state]:
            continue
        yield {"dataset": dataset, "state": state, "rows": states[state], "share": states[state] / len(responses)}


def length_rows(dataset: str, responses: Sequence[str]) -> Iterator[Row]:
    """Numbers of words, split at white space, of the thoughts, the answers and the whole responses with their tags."""
    parsed = [parse_completion(response, prefilled=False) for response in responses]
    parts = {
        THOUGHT: [found.trace for found in parsed],
        ANSWER: [found.answer for found in parsed],
        RESPONSE: responses,
    }
    for part, texts in parts.items():
        lengths = [len(text.split()) for text in texts if text is not None]
        yield {"dataset": dataset, "part": part, "rows": len(lengths)} | _summary(lengths)


def _summary(lengths: list[int]) -> Row:
    if not lengths:
        return {"mean": None, "p50": None, "p90": None, "max": None}
    p50, p90 = np.percentile(lengths, [50, 90])
    return {"mean": sum(lengths) / len(lengths), "p50": float(p50), "p90": float(p90), "max": max(lengths)}


def overlap(train: Frames, evaluation: Frames, near_threshold: float) -> pd.DataFrame:
    """Matched rows for each pair of data sets and each kind of overlap (schema: OVERLAP)."""
    rows = []
    for train_name, train_set in train.items():
        for name, evaluation_set in evaluation.items():
            pairs = overlapping_pairs(list(train_set["prompt"]), list(evaluation_set["prompt"]), near_threshold)
            for kind in OVERLAP_KINDS:
                matched = [pair for pair in pairs if kind in (ANY, pair.kind)]
                rows.append(
                    {"train": train_name, "evaluation": name, "kind": kind}
                    | _matched_rows(matched, train_set, evaluation_set)
                )
    return pd.DataFrame(rows)


def require_untuned(tune: Frames, evaluation: Frames) -> None:
    """Make sure that no evaluation prompt is one by which settings were chosen.

    Case, space and punctuation do not count.

    Raises:
        SafeLRMError: one is. The message has the ids of the prompts, and not their texts.
    """
    for tune_name, tune_set in tune.items():
        for name, evaluation_set in evaluation.items():
            pairs = exact_pairs(list(tune_set["prompt"]), list(evaluation_set["prompt"]))
            ids = [(tune_set["prompt_id"].iloc[one], evaluation_set["prompt_id"].iloc[other]) for one, other in pairs]
            if ids:
                shown = ", ".join(" = ".join(pair) for pair in ids[:_SHOWN])
                more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
                raise SafeLRMError(
                    f"settings were chosen on prompts that `{name}` asks: of `{tune_name}` and `{name}` are equal"
                    f" {shown}{more}",
                    file="the configuration",
                    key="audit.tune",
                    fix=f"draw other prompts for `{name}`, or leave these out of it",
                )


def _matched_rows(pairs: list[Pair], train: pd.DataFrame, evaluation: pd.DataFrame) -> Row:
    matched = sorted({pair.evaluation for pair in pairs})
    return {
        "train_rows": len(train),
        "evaluation_rows": len(evaluation),
        "train_matched": len({pair.train for pair in pairs}),
        "evaluation_matched": len(matched),
        "evaluation_share": len(matched) / len(evaluation),
        "evaluation_ids": "; ".join(evaluation["prompt_id"].iloc[matched]),
    }


def read_prompts(path: Path) -> pd.DataFrame:
    """The conversations or the prompts of a file.

    Raises:
        SafeLRMError: the file holds neither.
    """
    try:
        names = pq.ParquetFile(path).schema_arrow.names
    except (pa.ArrowException, OSError):
        # reading it as a table says what is wrong with it
        names = []
    return (CONVERSATIONS if "response" in names else PROMPTS).read(path)


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--train", nargs="+", required=True, metavar="NAME=PATH", help="training sets")
    parser.add_argument("--tune", nargs="*", default=[], metavar="NAME=PATH", help="sets that settings were chosen on")
    parser.add_argument("--evaluation", nargs="+", required=True, metavar="NAME=PATH", help="evaluation sets")
    parser.add_argument("--output-overlap", type=Path, required=True, help="overlap table to write")
    parser.add_argument("--output-lengths", type=Path, required=True, help="length table to write")
    parser.add_argument("--output-traces", type=Path, required=True, help="table of parse states to write")
    arguments = parser.parse_args()
    settings = parse_settings(AuditSettings, arguments.settings)
    train, tune, evaluation = (
        {name: read_prompts(path) for name, path in named_paths(f"--{side}", getattr(arguments, side)).items()}
        for side in ("train", "tune", "evaluation")
    )
    require_untuned(tune, evaluation)
    responses = {name: list(frame["response"]) for name, frame in train.items() if "response" in frame}
    OVERLAP.write_csv(arguments.output_overlap, overlap({**train, **tune}, evaluation, settings.near_threshold))
    lengths = [row for name, texts in responses.items() for row in length_rows(name, texts)]
    states = [row for name, texts in responses.items() for row in state_rows(name, texts)]
    for table, path, rows in ((LENGTHS, arguments.output_lengths, lengths), (TRACES, arguments.output_traces, states)):
        # there are no rows if all training sets are prompts
        table.write_csv(path, pd.DataFrame(rows, columns=table.schema.names), allow_empty=True)


if __name__ == "__main__":
    run(main)
