"""A job ends with the process that started it, and leaves its time behind."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from safelrm.core.process import RUNNER, TIMINGS
from safelrm.dag.progress import time_table

WORKFLOW = Path(__file__).parents[3] / "workflow"
JOB = """
import time
from safelrm.core.cli import run
def main():
    print("began", flush=True)
    time.sleep({seconds})
run(main)
"""


def start(seconds: float, **environment: str) -> subprocess.Popen:
    variables = {**os.environ, "PYTHONPATH": str(WORKFLOW), **environment}
    command = [sys.executable, "-c", JOB.format(seconds=seconds)]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_a_job_ends_when_its_runner_is_killed():
    runner = subprocess.Popen(["sleep", "600"])
    job = start(600, **{RUNNER: str(runner.pid)})
    assert job.stdout.readline() == "began\n"
    assert job.poll() is None
    runner.kill()
    runner.wait()
    assert job.wait(timeout=20) == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_a_job_whose_runner_is_gone_does_not_begin():
    runner = subprocess.Popen(["true"])
    runner.wait()
    job = start(600, **{RUNNER: str(runner.pid)})
    assert job.wait(timeout=20) == -signal.SIGKILL
    assert job.stdout.read() == ""


def test_a_job_started_by_hand_runs_to_its_end():
    assert start(0).wait(timeout=20) == 0


def test_times_of_this_run_are_summed_by_stage(tmp_path):
    file = tmp_path / "logs/timings.jsonl"
    assert time_table(file, since=0) == "no job was run"
    before = time.time()
    for _ in range(2):
        assert start(0.2, **{TIMINGS: str(file)}).wait(timeout=20) == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(rows) == 2
    for line in rows:
        assert 0.2 <= line["seconds"] < 20
        assert 5 < line["mib"] < 2000
    (row,) = (line for line in time_table(file, since=before).splitlines() if line.startswith("all"))
    _, jobs, seconds, longest, memory = row.split()
    assert jobs == "2"
    assert float(longest) < float(seconds)
    assert float(memory) == max(line["mib"] for line in rows)
    assert time_table(file, since=time.time()) == "no job was run"


def test_lines_that_nodes_have_torn_are_passed_over(tmp_path):
    file = tmp_path / "timings.jsonl"
    whole = b'{"stage": "sft", "seconds": 2.0, "mib": 7, "ended": 9.0}\n'
    torn = (
        b'{"stage": "s{"stage": "rl"}\n',
        b"\0\0\0\n",
        b"3\n",
        b'{"stage": "sft", "seconds": 1}\n',
        b"\xff\n",
        b"\n",
    )
    file.write_bytes(whole.join(torn))
    (row,) = (line for line in time_table(file, since=0).splitlines() if line.startswith("all"))
    assert row.split() == ["all", "5", "10.0", "2.0", "7"]
    file.write_bytes(b"".join(torn))
    assert time_table(file, since=0) == "no job was run"


def test_a_job_that_failed_leaves_no_time(tmp_path):
    file = tmp_path / "timings.jsonl"
    failing = "from safelrm.core.cli import run\nfrom safelrm.core.errors import SafeLRMError\n"
    failing += "def main():\n    raise SafeLRMError('wrong')\nrun(main)\n"
    environment = {**os.environ, "PYTHONPATH": str(WORKFLOW), TIMINGS: str(file)}
    done = subprocess.run([sys.executable, "-c", failing], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: wrong" in done.stderr
    assert not file.exists()


MAKER = """
from pathlib import Path
from safelrm.core.cli import run
run(lambda: Path("manifest.json"))
"""


@pytest.mark.parametrize("rank", ["0", "1"])
def test_the_first_process_alone_says_what_was_made(rank, tmp_path):
    if rank == "0":
        (tmp_path / "manifest.json").write_text("{}")
    file = tmp_path / "timings.jsonl"
    variables = {**os.environ, "PYTHONPATH": str(WORKFLOW), TIMINGS: str(file), "RANK": rank}
    # the others may end before the first one has written the manifest
    subprocess.run([sys.executable, "-c", MAKER], env=variables, cwd=tmp_path, check=True)
    lines = file.read_text().splitlines() if file.exists() else []
    assert [json.loads(line)["made"] for line in lines] == ([hashlib.sha256(b"{}").hexdigest()] if rank == "0" else [])
