"""Around the SLURM plugin: jobs of a Snakemake that is gone, and a controller that does not answer."""

import asyncio
import atexit
import inspect
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json
from safelrm.operations import cluster, owner

RUN = "81b07b75-ffa9-5c1f-8675-f35c51c245cb"
OTHER_RUN = "1d0a3a1e-6f0b-4c3e-9a53-0c6f5a3f7f11"


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands of a SLURM whose queue is a file, `job|name|folder` in each line; this is the folder of the jobs."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "bin"
    folder.mkdir()
    queue = tmp_path / "queue"
    queue.write_text("")
    scripts = {
        "squeue": f'cat "{queue}"',
        "scancel": f'for job; do sed -i "/^$job|/d" "{queue}"; done; echo "$@" >> "{tmp_path}/cancelled"',
    }
    for name, body in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return SimpleNamespace(queue=queue, cancelled=tmp_path / "cancelled", folder=folder)


def test_jobs_that_this_checkout_has_left_are_ended_and_no_others(slurm, tmp_path):
    here, others = f"11|{RUN}|{tmp_path}\n12|safelrm_{RUN}|{tmp_path}\n", f"13|{RUN}|/elsewhere\n14|head|{tmp_path}\n"
    slurm.queue.write_text(here + others)
    cluster.end_orphans(tmp_path)
    assert slurm.cancelled.read_text().split() == ["11", "12"]
    assert slurm.queue.read_text() == others


def put_on_record(jobs, host=None, began=0.0, pid=None):
    """A process that submits such jobs: this one's parent, which runs, if nothing else is said."""
    parent = psutil.Process(os.getppid())
    found = owner.Owner(host or owner.platform.node(), pid or parent.pid, parent.create_time() - began, jobs)
    write_json(owner.RECORDS / f"{found.host}-{jobs}.json", asdict(found))


def test_jobs_of_a_run_that_goes_on_are_left_alone(slurm, tmp_path, capsys):
    put_on_record(f"safelrm_{RUN}")
    put_on_record("")
    slurm.queue.write_text(f"11|{OTHER_RUN}|{tmp_path}\n12|safelrm_{RUN}|{tmp_path}\n")
    cluster.end_orphans(tmp_path)
    assert slurm.cancelled.read_text().split() == ["11"]
    assert "left in the queue: 11\n" in capsys.readouterr().err


@pytest.mark.parametrize("elsewhere", [RUN, None])
def test_jobs_of_a_process_elsewhere_are_left_alone_and_said(slurm, tmp_path, capsys, elsewhere):
    put_on_record(elsewhere, host="login2", pid=5)
    put_on_record("")
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n12|{RUN}|{tmp_path}\n13|{OTHER_RUN}|/elsewhere\n")
    cluster.end_orphans(tmp_path)
    assert not slurm.cancelled.exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: process 5 on login2 may still be running")
    assert line.endswith(f"scancel 11 12; rm .snakemake/owners/login2-{elsewhere}.json")


def test_jobs_are_left_alone_while_it_is_not_known_what_a_process_submits(slurm, tmp_path):
    put_on_record(None)
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n")
    cluster.end_orphans(tmp_path)
    assert not slurm.cancelled.exists()


def test_jobs_of_a_process_on_record_that_is_gone_are_ended(slurm, tmp_path):
    put_on_record(RUN, began=1e6)
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n")
    cluster.end_orphans(tmp_path)
    assert slurm.cancelled.read_text().split() == ["11"]


def test_this_process_is_in_nobodys_way(slurm, tmp_path):
    owner.claim()
    atexit.unregister(owner._release)
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n")
    cluster.end_orphans(tmp_path)
    assert slurm.cancelled.read_text().split() == ["11"]


@pytest.mark.parametrize(
    ("local", "executor", "expected"),
    [
        (True, SimpleNamespace(), ""),
        (False, SimpleNamespace(run_uuid=f"safelrm_{RUN}"), f"safelrm_{RUN}"),
        (False, SimpleNamespace(), None),
    ],
)
def test_what_a_runs_jobs_are_called(local, executor, expected):
    assert cluster.name_of_jobs(local, SimpleNamespace(_executor=executor)) == expected


def test_an_empty_queue_and_no_slurm_at_all_are_fine(slurm, tmp_path, monkeypatch):
    cluster.end_orphans(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    cluster.end_orphans(tmp_path)
    assert not slurm.cancelled.exists()


def test_a_slurm_that_does_not_answer_is_said(slurm, tmp_path, capsys):
    (slurm.folder / "squeue").write_text("#!/bin/sh\necho 'no controller' >&2\nexit 1\n")
    cluster.end_orphans(tmp_path)
    assert "may still be there: no controller" in capsys.readouterr().err


def test_commands_of_slurm_without_a_cluster_are_fine(slurm, tmp_path, capsys):
    says = "squeue: fatal: Could not establish a configuration source"
    (slurm.folder / "squeue").write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    cluster.end_orphans(tmp_path)
    assert capsys.readouterr().err == ""


def test_jobs_that_do_not_end_are_named(slurm, tmp_path, monkeypatch):
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n")
    (slurm.folder / "scancel").write_text("#!/bin/sh\n")
    monkeypatch.setattr(cluster, "LONGEST_ENDING_SECONDS", -1)
    with pytest.raises(SafeLRMError, match="scancel 11"):
        cluster.end_orphans(tmp_path)


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
    monkeypatch.setitem(sys.modules, cluster.PLUGIN, module)
    return module


def test_states_are_asked_for_until_slurm_answers(plugin, caplog):
    cluster.keep_asking(pause=0)
    cluster.keep_asking(pause=0)
    states, seconds = asyncio.run(plugin.query_job_status("squeue --all", logging.getLogger("test")))
    assert states == {"1": "RUNNING", "2": "CANCELLED"}
    assert seconds == 0.1
    assert [record.message for record in caplog.records] == [
        "SLURM does not tell the states of jobs, asking again: squeue --all"
    ] * 2


def test_what_slurm_said_of_its_memory_holds_while_it_is_silent(plugin):
    cluster.keep_asking()
    assert [plugin.get_min_job_age() for _ in range(3)] == [3600] * 3


def test_a_job_that_slurm_no_longer_knows_has_failed(plugin, monkeypatch):
    monkeypatch.setattr(cluster, "LOST_AFTER_SECONDS", -1)
    cluster.keep_asking(pause=0)
    executor, jobs = plugin.Executor(), [SimpleNamespace(external_jobid=number) for number in "13"]

    async def left() -> list[str]:
        return [job.external_jobid async for job in executor.check_active_jobs(jobs)]

    assert asyncio.run(left()) == ["1"]
    assert executor.lost == ("3",)


def test_the_longest_wait_between_two_looks_is_snakemakes(plugin):
    cluster.keep_asking()
    asyncio.run(asyncio.wait_for(plugin.Executor().sleep(), timeout=5))


def test_without_the_plugin_nothing_is_changed(monkeypatch):
    monkeypatch.delitem(sys.modules, cluster.PLUGIN, raising=False)
    cluster.keep_asking()


def test_the_plugin_has_what_is_changed():
    plugin = pytest.importorskip(cluster.PLUGIN, reason="the extra `slurm` is not installed")
    assert asyncio.iscoroutinefunction(plugin.query_job_status)
    assert callable(plugin.get_min_job_age)
    assert callable(plugin.Executor.sleep)
    assert inspect.isasyncgenfunction(plugin.Executor.check_active_jobs)
    text = Path(plugin.__file__).read_text()
    assert text.count("await query_job_status(") == 1
    assert "run_uuid=self.run_uuid" in text
