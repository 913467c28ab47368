"""A lock is removed only when the process that took it is certainly gone."""

import atexit
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json
from safelrm.operations import owner

WORKFLOW = Path(__file__).parents[3] / "workflow"
REAL_RUN = subprocess.run


@pytest.fixture
def unlocked(tmp_path, monkeypatch):
    """A locked checkout; the list fills with the commands that unlock it."""
    monkeypatch.chdir(tmp_path)
    owner.LOCKS.mkdir(parents=True)
    (owner.LOCKS / "0.output.lock").write_text("results/x\n")
    calls = []
    monkeypatch.setattr(owner.subprocess, "run", lambda command, **_: calls.append(command))
    return calls


@pytest.fixture(autouse=True)
def no_claim_is_left():
    yield
    atexit.unregister(owner._release)


def record(file="some", **changes):
    process = psutil.Process()
    found = replace(owner.Owner(owner.platform.node(), process.pid, process.create_time()), **changes)
    write_json(owner.RECORDS / f"{file}.json", asdict(found))


def ended_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_nothing_is_done_without_a_lock(unlocked):
    (owner.LOCKS / "0.output.lock").unlink()
    owner.remove_stale_lock()
    assert unlocked == []


def test_the_lock_of_an_ended_process_is_removed(unlocked, capsys):
    record(pid=ended_process())
    owner.remove_stale_lock()
    assert unlocked == [[sys.executable, "-m", "snakemake", "--unlock"]]
    assert "removing its lock" in capsys.readouterr().err


def test_a_process_that_was_killed_and_not_yet_waited_for_is_gone(unlocked):
    process = subprocess.Popen(["sleep", "600"])
    record(pid=process.pid, began=psutil.Process(process.pid).create_time())
    assert owner.may_be_running()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert owner.may_be_running() == {}
    process.wait()


def test_a_clock_that_was_set_meanwhile_does_not_unlock(unlocked):
    record(began=psutil.Process().create_time() + 30.0)
    with pytest.raises(SafeLRMError, match="is running"):
        owner.remove_stale_lock()
    assert unlocked == []


def test_a_number_given_to_another_process_is_not_the_owner(unlocked):
    record(began=1.0)
    owner.remove_stale_lock()
    assert len(unlocked) == 1


@pytest.mark.parametrize("changes", [{}, {"host": "elsewhere", "pid": 1}])
def test_the_lock_of_a_process_that_may_run_is_kept(unlocked, changes):
    record(**changes)
    with pytest.raises(SafeLRMError, match="is running this checkout's workflow"):
        owner.remove_stale_lock()
    assert unlocked == []


@pytest.mark.parametrize("text", ["", "{}", '{"pid": "x"}', "[]"])
def test_a_lock_without_a_readable_owner_is_kept(unlocked, text):
    owner.RECORDS.mkdir()
    (owner.RECORDS / "some.json").write_text(text)
    with pytest.raises(SafeLRMError, match="an unknown process"):
        owner.remove_stale_lock()
    assert unlocked == []


def test_a_lock_of_which_nothing_is_known_is_kept(unlocked):
    with pytest.raises(SafeLRMError, match="an unknown process"):
        owner.remove_stale_lock()
    assert unlocked == []


def test_the_lock_is_kept_while_one_of_several_may_run(unlocked):
    record("gone", pid=ended_process())
    record("elsewhere", host="login2", pid=1)
    with pytest.raises(SafeLRMError, match="process 1 on login2 is running") as raised:
        owner.remove_stale_lock()
    assert "rm .snakemake/owners/elsewhere.json; snakemake --unlock" in raised.value.fix
    assert unlocked == []


def test_those_that_are_gone_are_forgotten_once_there_is_no_lock(unlocked):
    record("gone", pid=ended_process())
    record("elsewhere", host="login2", pid=1)
    with pytest.raises(SafeLRMError):
        owner.remove_stale_lock()
    assert len(owner.recorded()) == 2
    (owner.LOCKS / "0.output.lock").unlink()
    owner.remove_stale_lock()
    assert [found.host for found in owner.recorded().values()] == ["login2"]


def test_every_process_has_a_record_of_its_own(unlocked):
    record("elsewhere", host="login2", pid=1)
    record("parent", pid=os.getppid())
    owner.claim()
    owner.claim("run")
    assert owner.own_record().exists()
    assert {found.pid: found.jobs for found in owner.recorded().values()} == {
        1: None,
        os.getppid(): None,
        os.getpid(): "run",
    }


@pytest.mark.parametrize(("ending", "left"), [("", 0), ("raise OSError", 0), ("os.kill(os.getpid(), 9)", 1)])
def test_a_record_goes_with_its_process(unlocked, tmp_path, ending, left):
    # as Snakemake may: it changes its folder, and forks
    code = f"""
import os, sys
from safelrm.operations.owner import claim
claim()
os.chdir("/")
if not (child := os.fork()):
    sys.exit()
os.waitpid(child, 0)
assert any(os.scandir({str(tmp_path / owner.RECORDS)!r}))
{ending}
"""
    environment = {**os.environ, "PYTHONPATH": str(WORKFLOW)}
    REAL_RUN([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL, check=False)
    assert len(owner.recorded()) == left
    assert owner.may_be_running() == {}
