"""`make` on a fresh machine: it sets up once, and each failure is one error that leaves nothing behind."""

import shutil
import subprocess
import sys

import pytest
from machine_fixtures import INSTALL, ROOT, TORCH_NEEDS, Machine, packages
from stand_in_index import add_wheel


@pytest.fixture
def checkout(machine):
    """What `make` needs, with a lock whose pytest says what it was asked to test."""
    shutil.copy(ROOT / "Makefile", machine.folder)
    shutil.copy(INSTALL, machine.folder / "envs/install.py")
    (machine.folder / "envs/lock.txt").rename(machine.folder / "envs/cpu-vllm.txt")
    with (machine.folder / "envs/cpu-vllm.txt").open("a") as lock:
        lock.write("pytest==9.9\n")
    add_wheel(machine.pypi, "pytest", "9.9", main="import sys\nprint('testing', *sys.argv[1:])\n")
    add_wheel(machine.pytorch, "torch", "2.13.0+cpu", TORCH_NEEDS)
    return machine


def make(machine: Machine, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    return machine.run("make", f"PYTHON={sys.executable}", *arguments, **variables)


def test_make_test_starts_on_a_fresh_machine_and_installs_nothing_twice(checkout):
    done = make(checkout, "test")
    assert done.returncode == 0, done.stderr
    assert "testing tests/unit" in done.stdout
    env = checkout.folder / ".venv"
    (stamp,) = env.glob(".lock-*")
    assert stamp.read_text() == "envs/cpu-vllm.txt\n"
    (checkout.folder / "envs/slurm.txt").write_text("shared==2.0\n")
    extra = make(checkout, "env", "EXTRA=slurm")
    assert extra.returncode == 0, extra.stderr
    assert packages(env)["shared"] == "2.0"
    assert sorted(found.read_text() for found in env.glob(".lock-*")) == ["", "envs/cpu-vllm.txt\n"]
    checkout.asked.clear()
    for arguments in (["test"], ["env", "EXTRA=slurm"]):
        again = make(checkout, *arguments)
        assert again.returncode == 0, again.stderr
        assert "installing" not in again.stdout
    assert checkout.asked == []


def test_what_failed_leaves_no_environment(checkout):
    shutil.rmtree(checkout.pypi / "tiny")
    done = make(checkout, "env", "ENV=elsewhere")
    assert done.returncode
    assert "tiny==1.0" in done.stderr
    assert not (checkout.folder / "elsewhere").exists()


@pytest.mark.parametrize("case", ["elsewhere", "other lock"])
def test_someone_elses_environment_is_left_alone(checkout, case):
    name = "shared/env" if case == "elsewhere" else ".venv"
    env = checkout.folder / name
    env.mkdir(parents=True)
    (env / "kept").touch()
    if case == "other lock":
        (env / ".lock-1234").write_text("envs/gpu.txt\n")
    done = make(checkout, "env", f"ENV={name}")
    assert done.returncode
    fix = "remove it, or leave ENV out" if case == "elsewhere" else "make LOCK=envs/gpu.txt"
    assert fix in done.stderr
    assert (env / "kept").exists()


@pytest.mark.parametrize("case", ["ENV", "checkout"])
def test_a_path_with_a_blank_is_one_error_before_anything_is_installed(checkout, case):
    if case == "checkout":
        folder = checkout.folder / "a checkout"
        shutil.copytree(checkout.folder / "envs", folder / "envs")
        shutil.copy(checkout.folder / "Makefile", folder)
        checkout.folder = folder
    done = make(checkout, "env", *(["ENV=an env"] if case == "ENV" else []))
    assert done.returncode
    assert "a path with a blank" in done.stderr
    assert not any("venv" in str(path) or path.name.startswith("an") for path in checkout.folder.iterdir())
    assert checkout.asked == []


def test_a_missing_python_is_one_error(checkout):
    done = checkout.run("make", "env", "PYTHON=")
    assert done.returncode
    assert "there is no Python: install 3.11, 3.12 or 3.13" in done.stderr


def test_a_missing_lock_is_one_error(checkout):
    done = make(checkout, "env", "LOCK=envs/gpus.txt")
    assert done.returncode
    assert "error: envs/gpus.txt: there is no such lock" in done.stderr
    assert not (checkout.folder / ".venv").exists()


def can_mount() -> bool:
    probe = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="a small file system cannot be mounted here")
def test_a_full_disk_is_one_error(checkout):
    (checkout.folder / "disk").mkdir()
    script = f"mount -t tmpfs -o size=1m tmpfs disk && make PYTHON={sys.executable} ENV=disk/env env"
    done = checkout.run("unshare", "--mount", "--map-root-user", "sh", "-c", script)
    assert done.returncode
    assert "error: disk/env: the disk is full" in done.stderr
    assert "fix: free some space" in done.stderr
