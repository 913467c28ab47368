"""SIGTERM stops Snakemake whatever it holds at that moment."""

import signal
import sys
import threading
from types import SimpleNamespace

import pytest
from snakemake.scheduling import job_scheduler

from safelrm.operations import stopping


@pytest.fixture
def scheduler(monkeypatch):
    """A scheduler as Snakemake makes one, without all that has nothing to do with stopping."""
    monkeypatch.setattr(job_scheduler.JobScheduler, "exit_gracefully", job_scheduler.JobScheduler.exit_gracefully)
    stopping.stop_in_a_thread()
    stopping.stop_in_a_thread()
    found = object.__new__(job_scheduler.JobScheduler)
    found._user_kill, found._lock, found._open_jobs = None, threading.Lock(), threading.Semaphore(0)
    return found


@pytest.mark.parametrize("held", ["_lock", "_open_jobs._cond"])
def test_it_does_not_wait_for_what_it_holds_itself(scheduler, held):
    lock = scheduler
    for name in held.split("."):
        lock = getattr(lock, name)

    def interrupted() -> None:
        with lock:
            scheduler.exit_gracefully(signal.SIGTERM, None)

    # in a thread, so that a test that fails does not hang
    main = threading.Thread(target=interrupted, daemon=True)
    main.start()
    main.join(timeout=10)
    assert not main.is_alive()
    assert scheduler._open_jobs.acquire(timeout=10)
    assert scheduler._user_kill == "graceful"


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(JobScheduler=type("Other", (), {}))])
def test_another_snakemake_is_left_as_it_is(monkeypatch, module):
    monkeypatch.setitem(sys.modules, stopping.SCHEDULING, module)
    stopping.stop_in_a_thread()
    assert not hasattr(getattr(module, "JobScheduler", None), "exit_gracefully")
