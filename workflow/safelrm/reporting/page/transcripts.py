"""Transcripts of a study for a browser: which are in which page, their columns, verdicts and texts.

A page holds whole prompts, each with what all arms, seeds and decoding modes answered. So answers to one prompt stand
side by side. Prompts come in an order that follows from their names, so that the first page is a random sample of them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.reporting.page.packed import cells, coded

PROMPT = ["benchmark", "prompt_id"]
COLUMNS = (
    "model",
    "arm",
    "seed",
    "decoding",
    "benchmark",
    "category",
    "kind",
    "sample",
    "parse_state",
    "finish_reason",
)
TEXTS = ["prompt", "system", "behavior", "reference", "completion", "trace", "answer"]
OF_PROMPT = ("prompt", "system", "behavior", "reference")
# prompts whose texts a browser unpacks at once
CHUNK = 16


def pages(rollouts: Sequence[Path], megabytes: float) -> list[pd.DataFrame]:
    """The prompts of each page: `benchmark` and `prompt_id`, in order.

    Args:
        rollouts: the rollouts of every run.
        megabytes: of completions that a page holds at most; a prompt whose completions are more has its own page.
    """
    sizes = pd.concat([_sizes(path) for path in rollouts]).groupby(PROMPT, as_index=False).bytes.sum()
    sizes["place"] = [_place(*names) for names in sizes[PROMPT].itertuples(index=False)]
    sizes = sizes.sort_values("place", ignore_index=True)
    page, filled, found = 0, 0, []
    for size in sizes.bytes:
        if filled and filled + size > megabytes * 1e6:
            page, filled = page + 1, 0
        filled += size
        found.append(page)
    return [rows[PROMPT].reset_index(drop=True) for _, rows in sizes.groupby(pd.Series(found, index=sizes.index))]


def _sizes(path: Path) -> pd.DataFrame:
    """The bytes of the completions to each prompt, without keeping the texts."""
    parts = []
    for batch in pq.ParquetFile(path).iter_batches(columns=[*PROMPT, "completion"]):
        rows = batch.select(PROMPT).to_pandas()
        parts.append(rows.assign(bytes=pc.binary_length(batch.column("completion")).to_numpy(zero_copy_only=False)))
    return pd.concat(parts)


def _place(benchmark: str, prompt_id: str) -> str:
    return hashlib.sha256(f"{benchmark}\n{prompt_id}".encode()).hexdigest()


def rows_of(rollouts: Sequence[Path], prompts: pd.DataFrame) -> pd.DataFrame:
    """The rollouts on the prompts of a page, in the order of these."""
    place = prompts.assign(place=range(len(prompts)))
    found = pd.concat([ROLLOUTS.read(path).merge(place, on=PROMPT) for path in rollouts], ignore_index=True)
    return found.sort_values(["place", *ROLLOUT_KEY], ignore_index=True)


def index(rows: pd.DataFrame) -> dict[str, object]:
    """What a browser needs to list and to filter rollouts, without their texts.

    Args:
        rows: what `rows_of` returned.
    """
    prompts = rows.drop_duplicates("place")
    return {
        "count": len(rows),
        "columns": {name: coded(rows[name]) for name in COLUMNS},
        "prompt": rows.place.tolist(),
        "prompts": prompts.prompt_id.tolist(),
        "tokens": {"trace": rows.trace_tokens.tolist(), "completion": rows.completion_tokens.tolist()},
        "chunk": CHUNK,
    }


def texts(rows: pd.DataFrame, shades: Mapping[tuple, list[list[float]]]) -> Iterator[dict[str, object]]:
    """The texts of the rollouts, in pieces of CHUNK prompts.

    Args:
        rows: what `rows_of` returned.
        shades: for keys of rollouts, the share of the trace that has been read and P(safe), by sentence.
    """
    for _, piece in rows.groupby(rows.place // CHUNK, sort=True):
        prompts = piece.drop_duplicates("place")
        keys = piece[list(ROLLOUT_KEY)].itertuples(index=False, name=None)
        found = {place: shades[key] for place, key in enumerate(keys) if key in shades}
        yield {
            "prompts": [cells(each) for each in prompts.reindex(columns=OF_PROMPT).itertuples(index=False, name=None)],
            "rows": [_said(each) for each in piece[["completion", "trace", "answer"]].itertuples(index=False)],
            "shades": found,
        }


def _said(row: tuple) -> list[str | None]:
    """The trace and the answer; and the completion, if it has neither."""
    trace, answer = cells([row.trace, row.answer])
    return [trace, answer] if trace or answer else [trace, answer, row.completion]


def judged(rows: pd.DataFrame, verdicts: pd.DataFrame) -> list[dict[str, object]]:
    """What each judge says of each part of the rollouts, one entry per judge, field and part.

    Args:
        rows: what `rows_of` returned.
        verdicts: rows of VERDICTS of every judge.

    Returns:
        `levels` and `codes` of the verdicts (-1: the judge does not judge it), and `scores` with three decimals.
    """
    key = list(ROLLOUT_KEY)
    found = []
    for (judge, field, part), said in verdicts.groupby(["judge", "field", "part"], sort=True):
        of_rows = rows[key].merge(said, on=key, how="left", validate="one_to_one")
        if of_rows.verdict.isna().all():
            continue
        entry = {"judge": judge, "field": field, "part": part, **coded(of_rows.verdict)}
        if of_rows.score.notna().any():
            entry["scores"] = [None if value is None else round(value, 3) for value in cells(of_rows.score)]
        found.append(entry)
    return found


def flags(rows: pd.DataFrame, values: pd.DataFrame) -> dict[str, list[int]]:
    """The rows for which a measure or an outcome of 0 or 1 is 1, by its name.

    Args:
        rows: what `rows_of` returned.
        values: the key of a rollout, `name` and `value`.
    """
    numbered = rows[list(ROLLOUT_KEY)].assign(row=range(len(rows)))
    hits = values[values.value == 1].merge(numbered, on=list(ROLLOUT_KEY))
    return {str(name): sorted(found.row.tolist()) for name, found in hits.groupby("name", sort=True)}
