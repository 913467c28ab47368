"""What Snakemake's SLURM plugin leaves open: jobs that outlive their Snakemake, and a SLURM that does not answer.

Seen with snakemake-executor-plugin-slurm 2.8.0, which `envs/slurm.txt` pins.
"""

import asyncio
import logging
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from types import ModuleType

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

from safelrm.core.errors import SafeLRMError
from safelrm.operations.owner import Owner, may_be_running, names, own_record

PLUGIN = "snakemake_executor_plugin_slurm"
# SLURM gives a job that it ends KillWait seconds, 30 where nobody has changed it
LONGEST_ENDING_SECONDS = 180
# a job that is new may not be in the accounts at once; a controller that crashed may never have written it down
LOST_AFTER_SECONDS = 120
# what SLURM's commands say on a machine that belongs to no cluster
NO_CLUSTER = "Could not establish a configuration source"
_NAME_OF_RUN = re.compile(r"([\w-]+_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# states by job, and the seconds that the answer took; None, None if there was no answer
Answer = tuple[dict[str, str], float] | tuple[None, None]


def end_orphans(folder: Path) -> None:
    """End the jobs that a Snakemake which is gone has left in SLURM's queue, and wait for them.

    They hear SIGTERM first, save their state, and are submitted again. Jobs of a process on record
    (`safelrm.operations.owner`) that may be running are left alone; it is said if that is not certain.

    Args:
        folder: the working directory of the jobs.

    Raises:
        SafeLRMError: they do not end.
    """
    # first the queue, then the records: whoever has submitted these jobs was on record before
    queue = _jobs_in(folder)
    # this process has submitted nothing yet
    running = {file: owner for file, owner in may_be_running().items() if file != own_record()} if queue else {}
    jobs = [job for job, name in queue.items() if not any(_may_own(owner, name) for owner in running.values())]
    _say_left_alone({job: name for job, name in queue.items() if job not in jobs}, running)
    if not jobs:
        return
    print(f"ending what a Snakemake that is gone has left in the queue: {' '.join(jobs)}", file=sys.stderr, flush=True)
    subprocess.run(["scancel", *jobs], check=False)
    latest = time.monotonic() + LONGEST_ENDING_SECONDS
    while left := [job for job in _jobs_in(folder) if job in jobs]:
        if time.monotonic() > latest:
            raise SafeLRMError("jobs of an earlier run do not end", file=folder, fix=f"scancel {' '.join(left)}")
        time.sleep(1)


def _may_own(owner: Owner | None, name: str) -> bool:
    return owner is None or owner.jobs is None or owner.jobs == name


def _say_left_alone(jobs: Mapping[str, str], running: Mapping[Path, Owner | None]) -> None:
    """Say which jobs may be orphans, but for those of a process that is at work on this machine."""
    certain = {owner.jobs for owner in running.values() if owner and owner.is_here}
    doubtful = {job: name for job, name in jobs.items() if name not in certain}
    if not doubtful:
        return
    owners = {f: o for f, o in running.items() if any(_may_own(o, name) for name in doubtful.values())}
    print(
        f"warning: {names(owners)} may still be running, and have these jobs in the queue: {' '.join(doubtful)}; "
        f"if it is certainly gone: scancel {' '.join(doubtful)}; rm {' '.join(map(str, owners))}",
        file=sys.stderr,
        flush=True,
    )


def name_of_jobs(local: bool, scheduler: object) -> str | None:
    """The name that the jobs of a run have in SLURM's queue: empty if it submits none, None if it is not known.

    Args:
        local: whether it runs all its jobs itself.
        scheduler: Snakemake's, which has the executor.
    """
    return "" if local else getattr(getattr(scheduler, "_executor", None), "run_uuid", None)


def _jobs_in(folder: Path) -> dict[str, str]:
    """The jobs in the queue that a Snakemake has submitted from a folder: their numbers, and the name of their run."""
    command = ["squeue", "--me", "--noheader", "--format", "%i|%j|%Z"]
    try:
        queue = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except FileNotFoundError:
        return {}
    except subprocess.SubprocessError as error:
        reason = str(getattr(error, "stderr", None) or error).strip()
        if NO_CLUSTER not in reason:
            print(f"warning: jobs of an earlier run may still be there: {reason}", file=sys.stderr)
        return {}
    rows = (line.split("|", maxsplit=2) for line in queue.splitlines())
    return {job: name for job, name, where in rows if _NAME_OF_RUN.fullmatch(name) and Path(where) == folder}


def keep_asking(pause: float = 10.0) -> None:
    """Let the plugin ask for the states of its jobs until SLURM answers.

    Without an answer it forgets its jobs, and Snakemake waits for ever. For its other question, how long SLURM
    remembers a job, the last answer holds: without one it turns to accounting, which there may not be.
    A job that was preempted for good, or that SLURM no longer knows, counts as failed, to be submitted again, rather
    than as still running. And Snakemake's `--seconds-between-status-checks` holds: the plugin by itself looks ever
    more seldom.

    Args:
        pause: seconds between two questions.
    """
    plugin = sys.modules.get(PLUGIN)
    if plugin is None or hasattr(plugin.query_job_status, "keeps_asking"):
        return
    known: set[str] = set()
    plugin.query_job_status = _until_answered(plugin.query_job_status, pause, known)
    plugin.get_min_job_age = _remembered(plugin)
    plugin.Executor.check_active_jobs = _without_lost(plugin.Executor.check_active_jobs, known)
    plugin.Executor.sleep = _sleep


def _until_answered(ask: Callable[..., Coroutine[None, None, Answer]], pause: float, known: set[str]) -> Callable:
    async def asking(command: str, logger: logging.Logger) -> Answer:
        states, seconds = await ask(command, logger)
        while states is None:
            logger.warning(f"SLURM does not tell the states of jobs, asking again: {command}")
            await asyncio.sleep(pause)
            states, seconds = await ask(command, logger)
        known.clear()
        known.update(states)
        return {job: "CANCELLED" if state == "PREEMPTED" else state for job, state in states.items()}, seconds

    asking.keeps_asking = True
    return asking


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


def _remembered(plugin: ModuleType) -> Callable[[], int | None]:
    ask, known = plugin.get_min_job_age, plugin.get_min_job_age()

    def age() -> int | None:
        nonlocal known
        known = ask() or known
        return known

    return age


async def _sleep(executor: RemoteExecutor) -> None:
    longest = executor.workflow.remote_execution_settings.seconds_between_status_checks
    await asyncio.sleep(min(longest, executor.next_seconds_between_status_checks))
