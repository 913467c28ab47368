"""Conversations of any SFT data set in one file, mapped as prompts are (sources/table.py), with their responses.

A response has one trace at most, <think> … </think> at its beginning, and an answer after it.
"""

import pandas as pd

from safelrm.core.trace import CLOSE, OPEN
from safelrm.data.account import Account
from safelrm.data.records import Records
from safelrm.data.schemas import CONVERSATIONS
from safelrm.data.settings import REQUIRED
from safelrm.data.settings import ConversationTableSettings as Settings
from safelrm.data.sources.table import made, mapped, printed

__all__ = ["TABLE", "Settings", "accounted", "load"]

TABLE = CONVERSATIONS


def load(settings: Settings) -> pd.DataFrame:
    """The conversations. What became of the rows of the file is printed.

    Raises:
        SafeLRMError: the file cannot be read, or its rows do not fit the settings.
    """
    return printed(*accounted(settings))


def accounted(settings: Settings) -> tuple[pd.DataFrame, Account]:
    """The conversations, and what became of the rows of the file.

    Raises:
        SafeLRMError: the file cannot be read, or its rows do not fit the settings.
    """

    def build(records: Records) -> pd.DataFrame:
        return mapped(records, settings).assign(response=_responses(records, settings))

    return made(settings, build)


def _responses(records: Records, settings: Settings) -> list[str]:
    column = settings.columns.response
    texts = records.texts(column)
    if settings.traces_opened:
        texts = [text if text.startswith(OPEN) else f"{OPEN}\n{text}" for text in texts]
    for number, text in zip(records.rows, texts, strict=True):
        if problem := trace_fault(text, required=settings.traces == REQUIRED):
            raise records.fault(f"row {number} {problem}", column, "correct the row, or set `faulty: leave_out`")
    return texts


def trace_fault(response: str, *, required: bool) -> str | None:
    """What is wrong with the trace of a response, as the end of a sentence; None if nothing is.

    Args:
        response: the response.
        required: whether it must have a trace.
    """
    marks = (response.count(OPEN), response.count(CLOSE))
    if not any(marks):
        return "has no trace" if required else None
    if marks != (1, 1):
        return f"has {marks[0]} times {OPEN} and {marks[1]} times {CLOSE}, must have each once"
    if not response.startswith(OPEN):
        return "has text before its trace"
    return None if response.partition(CLOSE)[2].strip() else "has no answer after its trace"
