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

from safelrm.core.checkpoints import MANIFEST
from safelrm.core.files import sha256

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
    return " ".join([rule, "/".join(filter(None, (wildcards or {}).values()))]).strip()


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


class ReplacementHandler(logging.Handler):
    """Follows Snakemake's log events. When a job is planned or starts, it names the finished checkpoint that goes.

    Args:
        timings: what jobs have recorded (`safelrm.core.process`).
    """

    def __init__(self, timings: Path) -> None:
        super().__init__(logging.INFO)
        self._timings = timings

    def emit(self, record: logging.LogRecord) -> None:
        """Follow one log record."""
        if getattr(record, "event", None) != LogEvent.JOB_INFO:
            return
        for path in map(Path, record.output or ()):
            if path.name == MANIFEST and path.is_file():
                kept = "the cache keeps it" if path.is_symlink() else "it is not in the cache, and will be lost"
                took = _took(path, self._timings)
                print(f"replaces {path}, which is finished{took}: {kept}", file=sys.stderr, flush=True)


def say_what_is_replaced(timings: str) -> None:
    """Name each finished checkpoint that a planned job will replace, once per process."""
    logger = logging.getLogger("snakemake.logging")
    if not any(isinstance(handler, ReplacementHandler) for handler in logger.handlers):
        logger.addHandler(ReplacementHandler(Path(timings)))


def _took(manifest: Path, timings: Path) -> str:
    if not timings.exists():
        return ""
    jobs = read_times(timings, ("seconds",), texts=("made",))
    made = jobs[jobs.made == sha256(manifest)]
    return f" and took {made.seconds.iloc[-1] / 60:.1f} minutes" if len(made) else ""


def read_times(file: Path, numbers: Sequence[str], texts: Sequence[str] = ()) -> pd.DataFrame:
    """The times that jobs have recorded (`safelrm.core.process`), one row per readable line.

    Nodes that write to one file at once over a network may tear each other's lines. Torn lines are left out.

    Args:
        file: JSON lines.
        numbers: columns beside `stage`. A line that lacks one of them is left out, too.
        texts: more of them.
    """
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [row for row in map(_read_line, lines) if _is_time(row, numbers, texts)]
    return pd.DataFrame(rows, columns=["stage", *numbers, *texts])


def _read_line(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _is_time(row: object, numbers: Sequence[str], texts: Sequence[str]) -> bool:
    if not (isinstance(row, dict) and all(isinstance(row.get(name), str) for name in ("stage", *texts))):
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
