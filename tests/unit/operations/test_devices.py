"""Which GPUs a job sees on a machine without a scheduler."""

import os
import subprocess
from uuid import uuid4

import pytest
from launch_fixtures import PYTHON, environment

from safelrm.operations import devices

CLAIM = f"""
import sys, os, time
from pathlib import Path
from safelrm.operations import devices
devices.DEVICES, devices.LOCKS, devices.PATIENCE = Path(sys.argv[1]), "\\0" + sys.argv[2], 0.1
os.setuid(int(sys.argv[4]))
held = devices.claim_devices(int(sys.argv[3]))
print(os.environ.get("{devices.VISIBLE}"), flush=True)
time.sleep(600)
"""


@pytest.fixture
def claim(tmp_path):
    """Start a job that claims GPUs on a machine with three."""
    for number in range(3):
        (tmp_path / f"nvidia{number}").touch()
    (tmp_path / "nvidiactl").touch()
    machine = uuid4().hex
    jobs = []

    def claim(count, user=None, **variables):
        variables = environment(**variables)
        command = [*PYTHON, CLAIM, str(tmp_path), machine, str(count), str(os.getuid() if user is None else user)]
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


@pytest.fixture
def own_machine(monkeypatch):
    """Claims of this process hold against nobody else's."""
    monkeypatch.setattr(devices, "LOCKS", f"\0{uuid4().hex}")
    monkeypatch.setattr(devices, "PATIENCE", 0.1)
    return monkeypatch


def test_nodes_of_a_job_that_are_one_machine_do_not_wait_for_each_other(own_machine):
    own_machine.setenv("SLURM_JOB_ID", "7")
    claims = []
    for node in ("a", "b"):
        own_machine.setenv("SLURMD_NODENAME", node)
        own_machine.setenv(devices.VISIBLE, "0")
        claims += devices.claim_devices(1)
    assert len(claims) == 2


def test_long_names_are_told_apart(own_machine):
    own_machine.setenv("SLURM_JOB_ID", "1234567890")
    own_machine.setenv("SLURMD_NODENAME", f"{'n' * 63}.cluster.example.org")
    first, second = (f"MIG-GPU-00000000-0000-0000-0000-000000000000/{n}/0" for n in (1, 2))
    own_machine.setenv(devices.VISIBLE, first)
    claims = devices.claim_devices(1)
    own_machine.setenv(devices.VISIBLE, f"{first},{second}")
    claims += devices.claim_devices(1)
    assert os.environ[devices.VISIBLE] == second


def test_a_job_without_gpus_sees_none(monkeypatch):
    monkeypatch.setenv(devices.VISIBLE, "0,1")
    assert devices.claim_devices(0) == []
    assert os.environ[devices.VISIBLE] == ""


def test_where_no_gpu_is_found_nothing_is_chosen(monkeypatch, tmp_path):
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    assert devices.claim_devices(2) == []
    assert devices.VISIBLE not in os.environ


def test_users_with_temporary_folders_of_their_own_share_the_claims(claim, tmp_path):
    (tmp_path / "own").mkdir()
    jobs = claim(1), claim(1, TMPDIR=str(tmp_path / "own"))
    assert {job.stdout.readline().strip() for job in jobs} == {"0", "1"}


@pytest.mark.skipif(os.getuid() != 0, reason="runs a job as another user")
def test_other_users_share_no_gpu_either(claim):
    visible = {"CUDA_VISIBLE_DEVICES": "0,1"}
    jobs = claim(1, **visible), claim(1, user=65534, **visible)
    assert {job.stdout.readline().strip() for job in jobs} == {"0", "1"}


def test_a_machine_that_gives_no_names_is_said(own_machine):
    # to wait for them would be for ever
    own_machine.setattr(devices, "LOCKS", "/no/such/folder/gpu")
    own_machine.setenv(devices.VISIBLE, "0")
    with pytest.raises(OSError):
        devices.claim_devices(1)
