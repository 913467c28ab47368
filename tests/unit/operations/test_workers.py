"""Processes of one job: their places, their common end, and what is said of it."""

import os
import signal
import subprocess
import textwrap
import time

import psutil
import pytest
from launch_fixtures import PYTHON, environment

from safelrm.operations.workers import training_workers


def run_group(count: int, program: str, **variables: str) -> subprocess.Popen:
    """Run a program in several workers, below a launcher of their own."""
    launcher = f"""
import sys, signal
from safelrm.core.process import end_with_runner
from safelrm.operations import workers
end_with_runner()
workers.GRACE = 0.5
group = workers.training_workers([sys.executable, "-c", sys.argv[1]], ("127.0.0.1", 1), here={count}, size={count})
sys.exit(workers.run_together(group, passed_on=signal.SIGTERM))
"""
    command = [*PYTHON, launcher, textwrap.dedent(program)]
    variables = environment(**variables)
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_workers_know_their_places_and_the_first_speaks():
    program = "import os\nprint(*(os.environ[name] for name in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR')))"
    job = run_group(3, program)
    assert job.communicate() == ("0 0 3 127.0.0.1\n", "")
    assert job.returncode == 0


def test_ranks_of_the_second_node_go_on_where_those_of_the_first_end():
    workers = training_workers(["stage"], ("node1", 20007), here=4, size=8, first=4)
    places = [(variables["RANK"], variables["LOCAL_RANK"]) for _, variables in workers]
    assert places == [("4", "0"), ("5", "1"), ("6", "2"), ("7", "3")]
    _, variables = workers[0]
    assert (variables["MASTER_ADDR"], variables["MASTER_PORT"], variables["WORLD_SIZE"]) == ("node1", "20007", "8")


@pytest.mark.parametrize(
    ("last", "status", "told"),
    [("sys.exit(3)", 3, "ended with exit status 3"), ("os.kill(os.getpid(), 9)", 137, "was ended by SIGKILL")],
)
def test_a_worker_that_dies_takes_all_with_it(last, status, told):
    program = f"""
    import os, sys, time
    if os.environ["RANK"] == "1":
        print("out of memory", file=sys.stderr, flush=True)
        {last}
    time.sleep(600)
    """
    job = run_group(3, program)
    _, errors = job.communicate(timeout=20)
    assert job.returncode == status
    assert errors.splitlines() == [f"error: process 1 of 3 {told}", "what it printed last:", "  out of memory"]


def run_one(command: list[str], before: str = "") -> subprocess.CompletedProcess:
    """Run a command below a launcher as srun is run there."""
    launcher = f"""
import os, signal, subprocess, sys
from safelrm.operations.workers import run_together
{before}
sys.exit(run_together([({command}, dict(os.environ))], passed_on=signal.SIGUSR1))
"""
    return subprocess.run([*PYTHON, launcher], env=environment(), capture_output=True, text=True, check=False)


def test_a_program_that_starts_others_is_named():
    done = run_one(["sh", "-c", "kill -9 $$"])
    assert (done.returncode, done.stderr) == (137, "error: sh was ended by SIGKILL\n")


def test_children_that_the_launcher_had_before_do_not_count():
    # a shell that becomes the launcher may have left it some
    done = run_one(["sh", "-c", "sleep 1; exit 3"], before="subprocess.Popen(['false'])")
    assert done.returncode == 3


def test_what_the_first_said_of_its_end_is_enough():
    job = run_group(2, "import sys\nsys.exit('error: no such file')")
    _, errors = job.communicate(timeout=20)
    assert job.returncode == 1
    assert errors.splitlines()[0] == "error: no such file"


TOLD = """
import os, signal, sys, time
def stop(*_):
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
print("began", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_sigterm_reaches_the_workers(number):
    job = run_group(2, TOLD)
    assert job.stdout.readline() == "began\n"
    time.sleep(0.5)
    job.send_signal(number)
    assert job.communicate(timeout=20) == ("saved\n", "")
    assert job.returncode == 143


def test_sigusr1_that_srun_sends_to_all_processes_reaches_the_launcher_alone():
    job = run_group(2, TOLD)
    assert job.stdout.readline() == "began\n"
    time.sleep(0.5)
    workers = psutil.Process(job.pid).children()
    assert len(workers) == 2
    for process in workers:
        process.send_signal(signal.SIGUSR1)
    time.sleep(0.2)
    job.send_signal(signal.SIGUSR1)
    assert job.communicate(timeout=20) == ("saved\n", "")
    assert job.returncode == 143


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_workers_end_when_their_launcher_is_killed():
    program = """
    import os, time
    from safelrm.core.process import end_with_runner
    end_with_runner()
    print(os.getpid(), flush=True)
    time.sleep(600)
    """
    job = run_group(1, program)
    worker = os.pidfd_open(int(job.stdout.readline()))
    job.kill()
    job.wait()
    os.set_blocking(worker, False)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            signal.pidfd_send_signal(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the worker still runs")
