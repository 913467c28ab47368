"""Jobs that a Snakemake which is gone has left in SLURM's queue."""

import atexit
import os
from dataclasses import asdict
from types import SimpleNamespace

import psutil
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json
from safelrm.operations import owner

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
    owner.end_orphans(tmp_path)
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
    owner.end_orphans(tmp_path)
    assert slurm.cancelled.read_text().split() == ["11"]
    assert "left in the queue: 11\n" in capsys.readouterr().err


@pytest.mark.parametrize("elsewhere", [RUN, None])
def test_jobs_of_a_process_elsewhere_are_left_alone_and_said(slurm, tmp_path, capsys, elsewhere):
    put_on_record(elsewhere, host="login2", pid=5)
    put_on_record("")
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n12|{RUN}|{tmp_path}\n13|{OTHER_RUN}|/elsewhere\n")
    owner.end_orphans(tmp_path)
    assert not slurm.cancelled.exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: process 5 on login2 may still be running")
    assert line.endswith(f"scancel 11 12; rm .snakemake/owners/login2-{elsewhere}.json")


def test_jobs_are_left_alone_while_it_is_not_known_what_a_process_submits(slurm, tmp_path):
    put_on_record(None)
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n")
    owner.end_orphans(tmp_path)
    assert not slurm.cancelled.exists()


def test_jobs_of_a_process_on_record_that_is_gone_are_ended(slurm, tmp_path):
    put_on_record(RUN, began=1e6)
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n")
    owner.end_orphans(tmp_path)
    assert slurm.cancelled.read_text().split() == ["11"]


def test_this_process_is_in_nobodys_way(slurm, tmp_path):
    owner.claim()
    atexit.unregister(owner._release)
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n")
    owner.end_orphans(tmp_path)
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
    assert owner.name_of_jobs(local, SimpleNamespace(_executor=executor)) == expected


def test_an_empty_queue_and_no_slurm_at_all_are_fine(slurm, tmp_path, monkeypatch):
    owner.end_orphans(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    owner.end_orphans(tmp_path)
    assert not slurm.cancelled.exists()


def test_a_slurm_that_does_not_answer_is_said(slurm, tmp_path, capsys):
    (slurm.folder / "squeue").write_text("#!/bin/sh\necho 'no controller' >&2\nexit 1\n")
    owner.end_orphans(tmp_path)
    assert "may still be there: no controller" in capsys.readouterr().err


def test_commands_of_slurm_without_a_cluster_are_fine(slurm, tmp_path, capsys):
    says = "squeue: fatal: Could not establish a configuration source"
    (slurm.folder / "squeue").write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    owner.end_orphans(tmp_path)
    assert capsys.readouterr().err == ""


def test_jobs_that_do_not_end_are_named(slurm, tmp_path, monkeypatch):
    slurm.queue.write_text(f"11|{RUN}|{tmp_path}\n")
    (slurm.folder / "scancel").write_text("#!/bin/sh\n")
    monkeypatch.setattr(owner, "LONGEST_ENDING_SECONDS", -1)
    with pytest.raises(SafeLRMError, match="scancel 11"):
        owner.end_orphans(tmp_path)
