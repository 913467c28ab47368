"""Which GPUs a job sees on a machine without a scheduler."""

import errno
import fcntl
import os
import subprocess

import pytest
from launch_fixtures import PYTHON, environment

from safelrm.operations.launching import devices

CLAIM = f"""
import sys, os, time
from pathlib import Path
from safelrm.operations.launching import devices
devices.DEVICES, devices.LOCKS, devices.PATIENCE = Path(sys.argv[1]), Path(sys.argv[1]), 0.1
held = devices.claim_devices(int(sys.argv[2]))
print(os.environ.get("{devices.VISIBLE}"), flush=True)
time.sleep(600)
"""


@pytest.fixture
def claim(tmp_path):
    """Start a job that claims GPUs on a machine with three."""
    for number in range(3):
        (tmp_path / f"nvidia{number}").touch()
    (tmp_path / "nvidiactl").touch()
    jobs = []

    def claim(count, **variables):
        variables = environment(**variables)
        command = [*PYTHON, CLAIM, str(tmp_path), str(count)]
        job = subprocess.Popen(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        jobs.append(job)
        return job

    yield claim
    for job in jobs:
        job.kill()
        job.communicate()


def test_jobs_of_one_machine_share_no_gpu(claim):
    first, second = claim(1), claim(1)
    taken = {first.stdout.readline().strip(), second.stdout.readline().strip()}
    assert taken == {"0", "1"}
    third = claim(2)
    assert "waiting for 2 of 3" in third.stderr.readline()
    one = claim(1)
    assert one.stdout.readline().strip() == "2"
    # what a killed job held is free at once
    for job in (first, second):
        job.kill()
    assert third.stdout.readline().strip() == "0,1"


def test_only_what_the_job_may_see_is_chosen_from(claim):
    # a user's choice, and that of a scheduler, whose jobs count anew
    assert claim(1, CUDA_VISIBLE_DEVICES="1,2").stdout.readline().strip() == "1"
    assert claim(1, CUDA_VISIBLE_DEVICES="1,2").stdout.readline().strip() == "2"
    assert claim(1, CUDA_VISIBLE_DEVICES="1", SLURM_JOB_ID="7").stdout.readline().strip() == "1"
    refused = claim(3, CUDA_VISIBLE_DEVICES="GPU-a/1, GPU-b")
    assert "3 GPUs are asked for, and 2 are here" in refused.communicate()[1]
    assert refused.returncode == 1


def test_nodes_of_a_job_that_are_one_machine_do_not_wait_for_each_other(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "LOCKS", tmp_path)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    for node in ("a", "b"):
        monkeypatch.setenv("SLURMD_NODENAME", node)
        monkeypatch.setenv(devices.VISIBLE, "0")
        for lock in devices.claim_devices(1):
            lock.close()
    assert len(list(tmp_path.glob("safelrm-gpu-*-0.lock"))) == 2


def test_a_job_without_gpus_sees_none(monkeypatch):
    monkeypatch.setenv(devices.VISIBLE, "0,1")
    assert devices.claim_devices(0) == []
    assert os.environ[devices.VISIBLE] == ""


def test_where_no_gpu_is_found_nothing_is_chosen(monkeypatch, tmp_path):
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    assert devices.claim_devices(2) == []
    assert devices.VISIBLE not in os.environ


def test_users_with_temporary_folders_of_their_own_share_the_locks(claim, tmp_path):
    (tmp_path / "own").mkdir()
    jobs = claim(1), claim(1, TMPDIR=str(tmp_path / "own"))
    assert {job.stdout.readline().strip() for job in jobs} == {"0", "1"}


def test_others_may_lock_whatever_the_umask(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "LOCKS", tmp_path)
    before = os.umask(0o077)
    try:
        devices._lock_file("0").close()
    finally:
        os.umask(before)
    (made,) = tmp_path.iterdir()
    assert made.stat().st_mode & 0o777 == 0o644


def test_a_file_system_without_locks_is_said(monkeypatch, tmp_path, capsys):
    def refuse(*_):
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(devices, "LOCKS", tmp_path)
    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setenv(devices.VISIBLE, "MIG-1/2")
    assert len(devices.claim_devices(1)) == 1
    assert "jobs may share a GPU" in capsys.readouterr().err
