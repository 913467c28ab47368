"""Snakemake stops on SIGTERM whatever it holds, and its SLURM plugin bears a controller that does not answer."""

import asyncio
import inspect
import logging
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.scheduling import job_scheduler

from safelrm.operations import patches


@pytest.fixture
def scheduler(monkeypatch):
    """A scheduler as Snakemake makes one, without all that has nothing to do with stopping."""
    monkeypatch.setattr(job_scheduler.JobScheduler, "exit_gracefully", job_scheduler.JobScheduler.exit_gracefully)
    patches.stop_in_a_thread()
    patches.stop_in_a_thread()
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
    monkeypatch.setitem(sys.modules, patches.SCHEDULING, module)
    patches.stop_in_a_thread()
    assert not hasattr(getattr(module, "JobScheduler", None), "exit_gracefully")


def test_looks_that_are_due_before_are_not_added(monkeypatch):
    started, times = [], []
    monkeypatch.setattr(
        job_scheduler.JobScheduler, "_schedule_reevalutation", lambda _, delay: started.append((times[-1], delay))
    )
    monkeypatch.setattr(patches, "time", SimpleNamespace(monotonic=lambda: times[-1]))
    patches.look_seldom()
    patches.look_seldom()
    scheduler = object.__new__(job_scheduler.JobScheduler)
    # the second and the third job that end add none, the timer's own look does; one that is due sooner is added
    for time, delay in ((0.0, 1), (0.4, 1), (0.9, 1), (1.0, 1), (1.2, 10), (1.3, 0.1), (1.5, 1)):
        times.append(time)
        scheduler._schedule_reevalutation(delay)
    assert started == [(0.0, 1), (1.0, 1), (1.3, 0.1), (1.5, 1)]


@pytest.fixture
def plugin(monkeypatch):
    """A plugin whose SLURM answers every third question about states, and its first one about its memory."""
    answers = [(None, None), (None, None), ({"1": "RUNNING", "2": "PREEMPTED"}, 0.1)]
    ages = [3600]

    async def ask(command, logger):
        return answers.pop(0)

    class Executor:
        lost = ()
        next_seconds_between_status_checks = 180
        workflow = SimpleNamespace(remote_execution_settings=SimpleNamespace(seconds_between_status_checks=0.01))

        async def check_active_jobs(self, jobs):
            await module.query_job_status("squeue", logging.getLogger("test"))
            for job in jobs:
                yield job

        def report_job_error(self, job, msg):
            assert "any more" in msg
            self.lost += (job.external_jobid,)

    module = SimpleNamespace(
        query_job_status=ask, get_min_job_age=lambda: ages.pop() if ages else None, Executor=Executor
    )
    monkeypatch.setitem(sys.modules, patches.PLUGIN, module)
    return module


def test_states_are_asked_for_until_slurm_answers(plugin, caplog):
    patches.keep_asking(pause=0)
    patches.keep_asking(pause=0)
    states, seconds = asyncio.run(plugin.query_job_status("squeue --all", logging.getLogger("test")))
    assert states == {"1": "RUNNING", "2": "CANCELLED"}
    assert seconds == 0.1
    assert [record.message for record in caplog.records] == [
        "SLURM does not tell the states of jobs, asking again: squeue --all"
    ] * 2


def test_what_slurm_said_of_its_memory_holds_while_it_is_silent(plugin):
    patches.keep_asking()
    assert [plugin.get_min_job_age() for _ in range(3)] == [3600] * 3


def test_a_job_that_slurm_no_longer_knows_has_failed(plugin, monkeypatch):
    monkeypatch.setattr(patches, "LOST_AFTER_SECONDS", -1)
    patches.keep_asking(pause=0)
    executor, jobs = plugin.Executor(), [SimpleNamespace(external_jobid=number) for number in "13"]

    async def left() -> list[str]:
        return [job.external_jobid async for job in executor.check_active_jobs(jobs)]

    assert asyncio.run(left()) == ["1"]
    assert executor.lost == ("3",)


def test_the_longest_wait_between_two_looks_is_snakemakes(plugin):
    patches.keep_asking()
    asyncio.run(asyncio.wait_for(plugin.Executor().sleep(), timeout=5))


def test_without_the_plugin_nothing_is_changed(monkeypatch):
    monkeypatch.delitem(sys.modules, patches.PLUGIN, raising=False)
    patches.keep_asking()


def test_the_plugin_has_what_is_changed():
    plugin = pytest.importorskip(patches.PLUGIN, reason="the extra `slurm` is not installed")
    assert asyncio.iscoroutinefunction(plugin.query_job_status)
    assert callable(plugin.get_min_job_age)
    assert callable(plugin.Executor.sleep)
    assert inspect.isasyncgenfunction(plugin.Executor.check_active_jobs)
    text = Path(plugin.__file__).read_text()
    assert text.count("await query_job_status(") == 1
    assert "run_uuid=self.run_uuid" in text
