"""What a user sees of a run: one line for each job that starts or ends, and a table of times at the end."""

import json
import logging
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pandas as pd
from snakemake_interface_logger_plugins.common import LogEvent

# running jobs that a line names: on a cluster, hundreds may run
NAMED = 4

REPLACED = (LogEvent.JOB_INFO, LogEvent.JOB_FINISHED, LogEvent.JOB_STARTED, LogEvent.PROGRESS)


class ProgressHandler(logging.Handler):
    """Follows Snakemake's log events and prints a line for each job that starts or ends."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.start = time.monotonic()
        self.total = 0
        self.done = 0
        self.running: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Follow one log record."""
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self.total = record.stats.get("total", 0)
        elif event == LogEvent.JOB_INFO:
            self.running[record.jobid] = _name(record.rule_name, record.wildcards)
            self._print(f"start {self.running[record.jobid]}")
        elif event == LogEvent.JOB_FINISHED:
            self.done += 1
            self._print(f"done  {self.running.pop(record.job_id, record.job_id)}")
        elif event == LogEvent.JOB_ERROR:
            self._print(f"FAILED {self.running.pop(record.jobid, record.jobid)}")

    def _print(self, what: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self.start), 60)
        count = f"{self.done}/{self.total}"
        named, others = list(islice(self.running.values(), NAMED)), len(self.running) - NAMED
        now = ", ".join(named + ([f"{others} more"] if others > 0 else [])) or "-"
        print(f"[{minutes:2d}:{seconds:02d}] {count:>7}  {what:<44} running: {now}", file=sys.stderr, flush=True)


def _name(rule: str, wildcards: dict[str, str] | None) -> str:
    return " ".join([rule, "/".join((wildcards or {}).values())]).strip()


def show_progress() -> None:
    """Replace Snakemake's own job messages on the terminal by progress lines, once per process.

    Errors and the log file stay as Snakemake writes them.
    """
    logger = logging.getLogger("snakemake.logging")
    if any(isinstance(handler, ProgressHandler) for handler in logger.handlers):
        return
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(_not_replaced)
    logger.addHandler(ProgressHandler())


def _not_replaced(record: logging.LogRecord) -> bool:
    return getattr(record, "event", None) not in REPLACED and not record.getMessage().startswith("Select jobs")


def hide_cache_hints() -> None:
    """Leave out Snakemake's hint, one line per rule, that its cache between workflows could be used."""
    for handler in logging.getLogger("snakemake.logging").handlers:
        handler.addFilter(_no_cache_hint)


def _no_cache_hint(record: logging.LogRecord) -> bool:
    return "is eligible for caching between workflows" not in record.getMessage()


def read_times(file: Path, numbers: Sequence[str]) -> pd.DataFrame:
    """The times that jobs have recorded (`safelrm.core.process`), one row per readable line.

    Nodes that write to one file at once over a network may tear each other's lines. Torn lines are left out.

    Args:
        file: JSON lines.
        numbers: the columns beside `stage`. A line that lacks one of them is left out, too.
    """
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [row for row in map(_read_line, lines) if _is_time(row, numbers)]
    return pd.DataFrame(rows, columns=["stage", *numbers])


def _read_line(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _is_time(row: object, numbers: Sequence[str]) -> bool:
    if not (isinstance(row, dict) and isinstance(row.get("stage"), str)):
        return False
    return all(isinstance(row.get(name), (int, float)) for name in numbers)


def time_table(file: str | Path, since: float) -> str:
    """Seconds and peak memory of every stage, over the jobs that ended since a run began.

    Args:
        file: JSON lines that jobs have recorded (`safelrm.core.process`).
        since: when the run began, in seconds since the epoch.
    """
    path = Path(file)
    if not path.exists():
        return "no job was run"
    jobs = read_times(path, ("seconds", "mib", "ended"))
    jobs = jobs[jobs.ended >= since]
    if jobs.empty:
        return "no job was run"
    table = jobs.groupby("stage").agg(
        jobs=("seconds", "size"), seconds=("seconds", "sum"), longest=("seconds", "max"), mib=("mib", "max")
    )
    table.loc["all"] = [table.jobs.sum(), table.seconds.sum(), table.longest.max(), table.mib.max()]
    table = table.sort_values("seconds", ascending=False).round(1)
    table.columns = ["jobs", "seconds in all", "longest job", "peak memory (MiB)"]
    return table.astype({"jobs": int}).to_string()
