"""What this workflow changes in Snakemake and in its SLURM plugin while they run, because neither has an option for it.

Seen with Snakemake 9.27.1 and snakemake-executor-plugin-slurm 2.8.0, its newest release, which the locks pin.

1. On SIGTERM, Snakemake's handler takes the scheduler's lock and its semaphore. If the signal comes while the main
   thread holds one of them, the main thread waits for itself for ever. A reentrant lock would only mend the former.
2. If SLURM does not answer, the plugin forgets its jobs, and Snakemake waits for ever.
3. If SLURM does not say how long it remembers a job, the plugin turns to SLURM's accounting, which many clusters lack.
4. A job counts as running for ever if it was preempted and is not requeued, or if SLURM no longer knows it.
5. The plugin looks at its jobs ever more seldom, whatever Snakemake's `--seconds-between-status-checks` says.
6. Snakemake serves a damaged entry of its cache. It links the first outputs of a partial entry before it sees that
   others are missing.
7. While jobs wait for free cores, Snakemake looks again a second after each look. Each job that ends adds a look of
   its own, which then repeats as well. So a run of a hundred jobs plans a hundred times a second.
"""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from threading import Thread

from snakemake.caching.local import OutputFileCache
from snakemake.jobs import Job
from snakemake.logging import logger
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

from safelrm.operations.cached import damaged_outputs, list_of, write_list

SCHEDULING, PLUGIN = "snakemake.scheduling.job_scheduler", "snakemake_executor_plugin_slurm"
# a new job may not be in the accounts at once; a controller that crashed may never have written it down
LOST_AFTER_SECONDS = 120

# states by job, and the seconds that the answer took; None, None if there was no answer
Answer = tuple[dict[str, str], float] | tuple[None, None]


def serve_undamaged() -> None:
    """Let Snakemake's cache between workflows drop damaged and partial entries. Their jobs are then run again."""
    fetch, store = OutputFileCache.fetch, OutputFileCache.store
    if hasattr(fetch, "checks"):
        return

    async def storing(cache: OutputFileCache, job: Job) -> None:
        files = {kept.name: made for made, kept in await cache.get_outputfiles_and_cachefiles(job)}
        key = await cache.provenance_hash_map.get_provenance_hash(job)
        # before the entry, so that no kill leaves a whole one without it
        cache.set_permissions(write_list(cache.path, key, job.rule.name, files))
        await store(cache, job)

    async def fetching(cache: OutputFileCache, job: Job) -> None:
        files = [file for _, file in await cache.get_outputfiles_and_cachefiles(job)]
        key = await cache.provenance_hash_map.get_provenance_hash(job)
        if not all(file.exists() for file in files):
            cache.raise_cache_miss_exception(job)
        if fault := damaged_outputs(files, list_of(cache.path, key)):
            logger.warning(f"dropped an entry of the cache, which is made again: {fault}")
            for file in files:
                file.unlink(missing_ok=True)
            cache.raise_cache_miss_exception(job)
        await fetch(cache, job)

    fetching.checks = True
    OutputFileCache.fetch, OutputFileCache.store = fetching, storing


def stop_in_a_thread() -> None:
    """Let later schedulers handle SIGTERM in a thread. Another Snakemake, without this handler, stays as it is."""
    scheduler = getattr(sys.modules.get(SCHEDULING), "JobScheduler", None)
    leave = getattr(scheduler, "exit_gracefully", None)
    if leave is None or hasattr(leave, "in_a_thread"):
        return

    def leaving(self: object, *signal: object) -> None:
        Thread(target=leave, args=(self, *signal), daemon=True).start()

    leaving.in_a_thread = True
    scheduler.exit_gracefully = leaving


def look_seldom() -> None:
    """Let later schedulers have one timer at a time. Another Snakemake, without these timers, stays as it is."""
    scheduler = getattr(sys.modules.get(SCHEDULING), "JobScheduler", None)
    start_timer = getattr(scheduler, "_schedule_reevalutation", None)
    if start_timer is None or hasattr(start_timer, "is_single"):
        return

    def look_again(self: object, delay: float) -> None:
        now = time.monotonic()
        if not now < getattr(self, "looks_at", now) <= now + delay:
            self.looks_at = now + delay
            start_timer(self, delay)

    look_again.is_single = True
    scheduler._schedule_reevalutation = look_again


def keep_asking(pause: float = 10.0) -> None:
    """Let the plugin ask for the states of its jobs until SLURM answers, and count lost jobs as failed.

    A job that counts as failed is submitted again.

    Args:
        pause: seconds between two questions.
    """
    plugin = sys.modules.get(PLUGIN)
    if plugin is None or hasattr(plugin.query_job_status, "keeps_asking"):
        return
    known: set[str] = set()
    plugin.query_job_status = _until_answered(plugin.query_job_status, pause, known)
    plugin.get_min_job_age = _last_known(plugin.get_min_job_age)
    plugin.Executor.check_active_jobs = _without_lost(plugin.Executor.check_active_jobs, known)
    plugin.Executor.sleep = _sleep


def _until_answered(ask: Callable[..., Coroutine[None, None, Answer]], pause: float, known: set[str]) -> Callable:
    async def asking(command: str, logger: logging.Logger) -> Answer:
        while (answer := await ask(command, logger))[0] is None:
            logger.warning(f"SLURM does not tell the states of jobs, asking again: {command}")
            await asyncio.sleep(pause)
        states, seconds = answer
        known.clear()
        known.update(states)
        return {job: "CANCELLED" if state == "PREEMPTED" else state for job, state in states.items()}, seconds

    asking.keeps_asking = True
    return asking


def _last_known(ask: Callable[[], int | None]) -> Callable[[], int | None]:
    known = ask()

    def age() -> int | None:
        nonlocal known
        known = ask() or known
        return known

    return age


def _without_lost(check: Callable, known: set[str]) -> Callable:
    missed: dict[str, float] = {}

    async def checking(executor: RemoteExecutor, active: list[SubmittedJobInfo]) -> AsyncIterator[SubmittedJobInfo]:
        async for job in check(executor, active):
            number = job.external_jobid
            if number in known:
                missed.pop(number, None)
            elif time.monotonic() - missed.setdefault(number, time.monotonic()) > LOST_AFTER_SECONDS:
                executor.report_job_error(job, msg=f"SLURM does not know the job {number} any more. ")
                continue
            yield job

    return checking


async def _sleep(executor: RemoteExecutor) -> None:
    longest = executor.workflow.remote_execution_settings.seconds_between_status_checks
    await asyncio.sleep(min(longest, executor.next_seconds_between_status_checks))
