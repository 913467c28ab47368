"""Small files of questions, and the tables that the sources make of them."""

import json
from pathlib import Path

import pandas as pd
from source_fixtures import load

COLUMNS = {"prompt": "q", "category": "c"}


def written(folder: Path, rows: list[dict]) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps(rows))
    return path


def table(folder: Path, rows: list[dict], **chosen) -> pd.DataFrame:
    return load("table", written(folder, rows), **({"columns": COLUMNS, "kind": "benign"} | chosen))


def questions(*texts: str) -> list[dict]:
    return [{"q": text, "c": "tea"} for text in texts]
