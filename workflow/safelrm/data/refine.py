"""Make a data set from another: without rows that repeat others, and of a smaller size.

    python -m safelrm.data.refine --settings JSON --dataset PATH --overlap NAME=PATH … --output-table PATH
        --output-dropped CSV

The steps, in this order: rows that repeat a row of another set are dropped (`overlap_with`); of rows that repeat each
other the first is kept (`duplicates`); `size` rows are taken of those that are left (`method`). What repeats what is
said in contamination.py. The rows that are kept keep their order and their ids. The table of dropped rows names every
other row by its id, with the reason. So the rows of the one and of the other are those of the data set.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.data.audit import read_prompts
from safelrm.data.contamination import Match, Prompts, matches, repeated
from safelrm.data.curation_settings import RefineSettings as Settings
from safelrm.data.diverse import diverse_rows, random_rows
from safelrm.data.schemas import CONVERSATIONS, DROPPED, DUPLICATE, NOT_TAKEN, OVERLAPPING, PROMPTS

Row = dict[str, object]


def refined(
    rows: pd.DataFrame, overlap: Mapping[str, pd.DataFrame], settings: Settings
) -> tuple[pd.DataFrame, list[Row]]:
    """The rows that are kept, in their order, and the dropped ones (schema: DROPPED).

    Args:
        rows: the data set.
        overlap: the sets of which it must not repeat a row, by name.
        settings: what is dropped and taken.

    Raises:
        SafeLRMError: fewer rows are left than are to be taken, or none.
    """
    dropped: list[Row] = []
    for name, other in overlap.items():
        rows = _without_overlap(rows, name, other, settings, dropped)
    if settings.duplicates != "keep":
        rows = _without_duplicates(rows, settings, dropped)
    if len(rows) < (settings.size or 1):
        raise SafeLRMError(
            f"{len(rows)} rows of `{settings.dataset}` are left, fewer than {settings.size or 1}; {len(dropped)} are"
            " dropped",
            key="size",
            fix="lower `size`, or drop less",
        )
    if settings.size is not None:
        take = diverse_rows if settings.method == "diverse" else random_rows
        taken = take(rows, settings.size, settings.seed)
        others = {place: {"reason": NOT_TAKEN} for place in set(range(len(rows))) - set(taken)}
        rows = _without(rows, others, dropped)
    return rows.reset_index(drop=True), dropped


def _without_overlap(
    rows: pd.DataFrame, name: str, other: pd.DataFrame, settings: Settings, dropped: list[Row]
) -> pd.DataFrame:
    pairs = matches(Prompts.of(rows["prompt"], settings), Prompts.of(other["prompt"], settings), settings)
    ids, found = list(other["prompt_id"]), {}
    for (left, right), match in sorted(pairs.items(), key=lambda pair: (pair[1].strength, pair[0])):
        if match.kind in settings.kinds:
            found.setdefault(left, _reason(OVERLAPPING, name, ids[right], match))
    return _without(rows, found, dropped)


def _without_duplicates(rows: pd.DataFrame, settings: Settings, dropped: list[Row]) -> pd.DataFrame:
    near = settings.near if settings.duplicates == "near" else None
    ids = list(rows["prompt_id"])
    found = {
        position: _reason(DUPLICATE, settings.dataset, ids[first], match)
        for position, (first, match) in repeated(Prompts.of(rows["prompt"], settings), near).items()
    }
    return _without(rows, found, dropped)


def _without(rows: pd.DataFrame, reasons: Mapping[int, Row], dropped: list[Row]) -> pd.DataFrame:
    """The rows but for those that have a reason to be dropped, by position. These are written down with it."""
    dropped += [{"prompt_id": rows["prompt_id"].iloc[place], **reasons[place]} for place in sorted(reasons)]
    return rows.drop(rows.index[[*reasons]])


def _reason(reason: str, other: str, other_id: str, match: Match) -> Row:
    return {"reason": reason, "other": other, "other_id": other_id, "kind": match.kind, "similarity": match.similarity}


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="data set whose rows are taken")
    parser.add_argument("--overlap", nargs="*", default=[], metavar="NAME=PATH", help="sets that it must not repeat")
    parser.add_argument("--output-table", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--output-dropped", type=Path, required=True, help="table of dropped rows to write")
    arguments = parser.parse_args()
    settings = parse_settings(Settings, arguments.settings)
    rows = read_prompts(arguments.dataset)
    overlap = {name: read_prompts(path) for name, path in named_paths("--overlap", arguments.overlap).items()}
    kept, dropped = refined(rows, overlap, settings)
    frame = pd.DataFrame(dropped, columns=DROPPED.schema.names)
    DROPPED.write_csv(arguments.output_dropped, frame, allow_empty=True)
    (CONVERSATIONS if "response" in kept else PROMPTS).write(arguments.output_table, kept)
    counts = ", ".join(f"{count} {reason}" for reason, count in frame["reason"].value_counts().sort_index().items())
    print(f"{len(rows)} rows in, {len(kept)} kept, {len(frame)} dropped{f' ({counts})' if counts else ''}")


if __name__ == "__main__":
    run(main)
