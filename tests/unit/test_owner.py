"""A lock is removed only when the process that took it is certainly gone."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import psutil
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.dag import owner


@pytest.fixture
def unlocked(tmp_path, monkeypatch):
    """A locked checkout; the list fills with the commands that unlock it."""
    monkeypatch.chdir(tmp_path)
    owner.LOCKS.mkdir(parents=True)
    (owner.LOCKS / "0.output.lock").write_text("results/x\n")
    calls = []
    monkeypatch.setattr(owner.subprocess, "run", lambda command, **_: calls.append(command))
    return calls


def record(**changes):
    process = psutil.Process()
    found = replace(owner.Owner(owner.platform.node(), process.pid, process.create_time()), **changes)
    owner.FILE.write_text(json.dumps(asdict(found)))


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
    owner.FILE.write_text(text)
    with pytest.raises(SafeLRMError, match="an unknown process"):
        owner.remove_stale_lock()
    assert unlocked == []


def test_a_running_owner_is_not_displaced(unlocked):
    parent = psutil.Process(os.getppid())
    record(pid=parent.pid, began=parent.create_time())
    owner.claim()
    assert owner.recorded().pid == parent.pid
    record(pid=ended_process())
    owner.claim()
    assert owner.recorded().pid == os.getpid()
    assert not owner.recorded().is_gone
