"""ProgressHandler lines stay readable however many jobs run."""

import json
import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from safelrm.core.files import sha256
from safelrm.dag.progress import NAMED, ProgressHandler, ReplacementHandler


def record(event: LogEvent, **fields) -> logging.LogRecord:
    found = logging.LogRecord("snakemake", logging.INFO, "", 0, "", None, None)
    found.__dict__.update(event=event, **fields)
    return found


@pytest.mark.parametrize("running", [1, NAMED, NAMED + 1, 500])
def test_a_few_running_jobs_are_named_and_the_others_counted(capsys, running):
    progress = ProgressHandler()
    progress.emit(record(LogEvent.RUN_INFO, stats={"total": 500}))
    for number in range(running):
        progress.emit(record(LogEvent.JOB_INFO, jobid=number, rule_name="sft", wildcards={"seed": str(number)}))
    line = capsys.readouterr().err.splitlines()[-1]
    names, _, _ = line.partition("running: ")[2].partition(f", {running - NAMED} more")
    assert names.split(", ") == [f"sft {number}" for number in range(min(running, NAMED))]
    assert ("more" in line) == (running > NAMED)


def test_jobs_that_ended_are_counted_and_no_longer_named(capsys):
    progress = ProgressHandler()
    for number in (1, 2):
        progress.emit(record(LogEvent.JOB_INFO, jobid=number, rule_name="sft", wildcards={"seed": str(number)}))
    progress.emit(record(LogEvent.JOB_FINISHED, job_id=1))
    line = capsys.readouterr().err.splitlines()[-1]
    assert "1/0  done  sft 1" in line
    assert line.endswith("running: sft 2")


def replaced(folder, capsys, *names):
    handler = ReplacementHandler(folder / "timings.jsonl")
    handler.emit(record(LogEvent.JOB_INFO, output=[str(folder / name) for name in names]))
    return capsys.readouterr().err.splitlines()


def test_a_finished_checkpoint_that_goes_is_named_with_its_time(tmp_path, capsys):
    entry, other = tmp_path / "entry.json", tmp_path / "b/manifest.json"
    entry.write_text("{}")
    other.parent.mkdir()
    other.write_text('{"files": {}}')
    (tmp_path / "manifest.json").symlink_to(entry)
    line = {"stage": "rl", "seconds": 90.0, "made": sha256(entry)}
    (tmp_path / "timings.jsonl").write_text(f"{json.dumps(line)}\nnot JSON\n")
    names = ("manifest.json", "b/manifest.json", "c/manifest.json", "entry.json")
    assert replaced(tmp_path, capsys, *names) == [
        f"replaces {tmp_path}/manifest.json, which is finished and took 1.5 minutes: the cache keeps it",
        f"replaces {other}, which is finished: it is not in the cache, and will be lost",
    ]
