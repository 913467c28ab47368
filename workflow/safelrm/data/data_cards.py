"""Write a card of each data set, in the format of Hugging Face's hub, and the lengths of its texts.

    python -m safelrm.data.data_cards --settings JSON --data NAME=PATH … --dropped NAME=PATH … --tokenizers NAME=PATH …
        --tables shares.csv rows.csv risky_patterns.csv --output-lengths CSV --output-cards FOLDER/NAME.md …

A card says where the rows are from, under which licence, how many there are and what became of the others, which rows
repeat rows of other sets, how long the texts are, how often a teacher's traces have risky patterns if a judge has read
them, and the hash of the rows. It has no text of a prompt or response. It is made from tables alone, so the same tables
give the same card.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from huggingface_hub import DatasetCardData

from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.contents import KEY
from safelrm.core.files import write_text
from safelrm.data.audit import read_prompts, state_rows
from safelrm.data.curation_settings import CardFacts, CardSettings
from safelrm.data.lengths import WORDS, count_words, length_rows, token_counter
from safelrm.data.schemas import TOKEN_LENGTHS

# of the hub: a licence that its list does not have
UNSTATED = "other"
# licences of public data sets, as the hub names them
LICENCES = ("mit", "apache-2.0", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-sa-4.0", "cc0-1.0", "odc-by")
# the hub's classes of size
SIZES = (("n<1K", 10**3), ("1K<n<10K", 10**4), ("10K<n<100K", 10**5), ("100K<n<1M", 10**6))
# categories that a card names
SHOWN = 40
# the table of the rates of risky patterns
RISKY = "risky_patterns"
LENGTH_COLUMNS = ("mean", "p5", "p25", "p50", "p75", "p90", "p95", "p99", "max")


def card(name: str, rows: pd.DataFrame, facts: CardFacts, tables: Mapping[str, pd.DataFrame], digest: str) -> str:
    """The card of a data set, as Markdown below YAML.

    Args:
        name: the data set.
        rows: its prompts or conversations.
        facts: what the configuration says of it.
        tables: by name `lengths` and `shares`; if there are any `dropped` (of a set that is made from another), `rows`
            (of the publisher's files) and `risky_patterns`.
        digest: the hash of its rows.
    """
    data = DatasetCardData(
        license=_hub_licence(facts.licence),
        pretty_name=facts.title or name,
        size_categories=[next((size for size, most in SIZES if len(rows) < most), "1M<n<10M")],
        source_datasets=[f"extended|{facts.hub}"] if facts.hub else None,
        task_categories=["text-generation"],
        tags=["safelrm", "safety", *sorted(rows["kind"].unique())],
    )
    made = {"source": facts.source, "settings": facts.settings}
    sections = {
        "": f"# {name}\n\n{_summary(rows, facts, digest)}",
        "Rows": _rows(name, rows, tables),
        "Repeated prompts": _shares(name, tables["shares"]),
        "Lengths": _lengths(name, tables["lengths"]),
        "How it was made": f"```json\n{json.dumps(made, indent=2, sort_keys=True)}\n```\n",
    }
    if "response" in rows:
        states = ((row["state"], row["rows"], row["share"]) for row in state_rows(name, list(rows["response"])))
        sections["Traces"] = f"How the responses are parsed:\n\n{_table(('state', 'rows', 'share'), states)}"
    if RISKY in tables and (tables[RISKY]["samples"] == name).any():
        sections["Risky patterns"] = _patterns(name, tables[RISKY])
    text = "\n".join(f"## {title}\n\n{body}" if title else body for title, body in sections.items())
    return f"---\n{data.to_yaml()}\n---\n\n{text}"


def _hub_licence(licence: str | None) -> str:
    return licence.lower() if licence and licence.lower() in LICENCES else UNSTATED


def _summary(rows: pd.DataFrame, facts: CardFacts, digest: str) -> str:
    lines = [
        *([f"{facts.title}."] if facts.title else []),
        f"Licence: {facts.licence or 'not stated; the terms of the publisher hold'}.",
        *([f"From the hub: `{facts.hub}`, revision `{facts.revision}`."] if facts.hub else []),
        *([f"SHA-256 of the publisher's file: `{facts.sha256}`."] if facts.sha256 else []),
        f"SHA-256 of the {len(rows)} rows: `{digest}`.",
        *([f"Note: {facts.warning}."] if facts.warning else []),
        *(["It has harmful requests, as data sets for safety have."] if "harmful" in set(rows["kind"]) else []),
    ]
    return "".join(f"- {line}\n" for line in lines)


def _rows(name: str, rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> str:
    counts = rows.groupby(["kind", "category"]).size().sort_values(ascending=False, kind="stable")
    parts = [_table(("kind", "category", "rows"), ((*group, count) for group, count in counts[:SHOWN].items()))]
    if len(counts) > SHOWN:
        parts.append(f"{len(counts) - SHOWN} more categories have {counts[SHOWN:].sum()} rows.\n")
    if "rows" in tables and not (read := tables["rows"][tables["rows"]["dataset"] == name]).empty:
        head = f"{read['read'].iloc[0]} rows of the file:\n\n"
        parts.append(head + _table(("outcome", "rows"), read[["outcome", "rows"]].itertuples(index=False)))
    if (dropped := tables.get("dropped")) is not None:
        reasons = dropped.groupby(["reason", "other", "kind"], dropna=False).size()
        lines = (("" if pd.isna(cell) else cell for cell in (*group, count)) for group, count in reasons.items())
        head = f"{len(rows) + len(dropped)} rows = {len(rows)} kept + {len(dropped)} dropped:\n\n"
        parts.append(head + _table(("dropped as", "repeats a row of", "how", "rows"), lines))
    return "\n".join(parts)


def _patterns(name: str, rates: pd.DataFrame) -> str:
    """Rates of risky patterns of a selection beside those of all samples that it was chosen from."""
    own = rates[rates["samples"] == name]
    whole = rates[(rates["samples"] == "all") & rates["distillation"].isin(own["distillation"])]
    columns = ["flag", "judge", "samples", "n", "unscored", "value", "low", "high"]
    lines = pd.concat([whole, own]).sort_values(["flag", "judge"], kind="stable")[columns]
    return f"Shares of the responses to harmful prompts:\n\n{_table(columns, lines.itertuples(index=False))}"


def _shares(name: str, shares: pd.DataFrame) -> str:
    own = shares[(shares["dataset"] == name) & (shares["matched"] > 0)]
    if own.empty:
        return "No row repeats a row of this set or of the sets that it was compared with.\n"
    return _table(("set", "how", "rows", "share"), own[["other", "kind", "matched", "share"]].itertuples(index=False))


def _lengths(name: str, lengths: pd.DataFrame) -> str:
    own = lengths[lengths["dataset"] == name]
    columns = ["part", "unit", "rows", *LENGTH_COLUMNS]
    return _table(columns, own[columns].itertuples(index=False))


def _table(head: Sequence[str], lines: Iterable[Iterable[object]]) -> str:
    """A Markdown table. A cell cannot break out of it."""
    rows = [head, ["-"] * len(head), *([_cell(value) for value in line] for line in lines)]
    return "".join(f"|{'|'.join(row)}|\n" for row in rows)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def content_digest(path: Path) -> str:
    """The hash of the rows of a table, which its file carries."""
    return pq.read_metadata(path).metadata[KEY.encode()].decode().partition(" ")[2]


def lengths_of(frames: Mapping[str, pd.DataFrame], tokenizers: Mapping[str, Path]) -> pd.DataFrame:
    """The lengths of all parts of all sets, in words and in tokens of each model (schema: TOKEN_LENGTHS)."""
    counters = {WORDS: count_words, **{name: token_counter(path) for name, path in tokenizers.items()}}
    return pd.DataFrame(length_rows(frames, counters), columns=TOKEN_LENGTHS.schema.names)


def cards(
    paths: Mapping[str, Path], facts: CardSettings, tables: Mapping[str, pd.DataFrame], dropped: Mapping[str, Path]
) -> Iterator[tuple[str, str]]:
    """The name and the card of each data set."""
    for name, path in paths.items():
        own = {**tables, **({"dropped": pd.read_csv(dropped[name])} if name in dropped else {})}
        yield name, card(name, read_prompts(path), facts.datasets[name], own, content_digest(path))


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=PATH", help="data sets")
    parser.add_argument("--dropped", nargs="*", default=[], metavar="NAME=PATH", help="tables of dropped rows")
    parser.add_argument("--tokenizers", nargs="*", default=[], metavar="NAME=PATH", help="tokenizers of models")
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="tables that cards quote, NAME.csv each")
    parser.add_argument("--output-lengths", type=Path, required=True, help="table of lengths to write")
    parser.add_argument("--output-cards", type=Path, nargs="+", required=True, help="cards to write, NAME.md each")
    arguments = parser.parse_args()
    settings = parse_settings(CardSettings, arguments.settings)
    paths, dropped = (named_paths(f"--{key}", getattr(arguments, key)) for key in ("data", "dropped"))
    frames = {name: read_prompts(path) for name, path in paths.items()}
    lengths = lengths_of(frames, named_paths("--tokenizers", arguments.tokenizers))
    TOKEN_LENGTHS.write_csv(arguments.output_lengths, lengths)
    places = {path.stem: path for path in arguments.output_cards}
    tables = {"lengths": lengths, **{path.stem: pd.read_csv(path) for path in arguments.tables}}
    for name, text in cards(paths, settings, tables, dropped):
        write_text(places[name], text)


if __name__ == "__main__":
    run(main)
