"""The set-up takes torch from the first place that has it, and says what to do where nothing does."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import groupby
from pathlib import Path

import pytest
from stand_in_index import add_wheel, served

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "envs/install.py"
LOCK = "tiny==1.0\n    # via -r base.in\nshared==1.0\n    # via torch\ntorch==2.13.0+cpu\n    # via -r base.in\n"
GPU = "shared==2.0\nnvidia==1.0\n    # via torch\ntorch==2.13.0\ntriton==9.9\n"
TORCH_NEEDS = ("nvidia", "shared")
ALL_OF_CUDA = {"tiny": "1.0", "shared": "1.0", "nvidia": "1.0", "torch": "2.13.0"}
ALL_OF_CPU = {"tiny": "1.0", "shared": "1.0", "torch": "2.13.0+cpu"}
OPTIONS = ("PIP_", "UV_", "PYTHON", "MAKE", "MFLAGS", "ENV", "LOCK", "EXTRA")


def module(name: str):
    spec = importlib.util.spec_from_file_location(f"envs_{name}", ROOT / f"envs/{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


install, join_locks = module("install"), module("join_locks")


class Machine:
    """A machine that reaches two indexes on a local port, with a lock and nothing configured otherwise."""

    def __init__(self, folder: Path, url: str, asked: list[str]) -> None:
        self.folder, self.url, self.asked = folder, url, asked
        self.pypi, self.pytorch = folder / "served/pypi", folder / "served/pytorch"
        for name, version in (("tiny", "1.0"), ("shared", "1.0"), ("shared", "2.0")):
            add_wheel(self.pypi, name, version)
        self.pytorch.mkdir()
        (folder / "envs").mkdir()
        (folder / "envs/lock.txt").write_text(LOCK)
        (folder / "envs/gpu.txt").write_text(GPU)
        self.variables = {key: value for key, value in os.environ.items() if not key.startswith(OPTIONS)} | {
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"{url}/pypi",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "1",
            "SAFELRM_TORCH_INDEX": f"{url}/pytorch",
        }

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess:
        wanted = {key: value for key, value in (self.variables | variables).items() if value}
        return subprocess.run(command, cwd=self.folder, env=wanted, capture_output=True, text=True, check=False)

    def add_to(self, env: Path, **variables: str) -> subprocess.CompletedProcess:
        """Install the lock into an environment that is there."""
        return self.run(
            sys.executable, str(INSTALL), "--add", str(env), "envs/lock.txt", str(env / "stamp"), **variables
        )

    def place_of(self, name: str) -> list[str]:
        """Which index was asked for a package, in order."""
        return [index for index, _ in groupby(path.split("/")[1] for path in self.asked if path.endswith(f"/{name}/"))]


@pytest.fixture
def machine(tmp_path):
    (tmp_path / "served/pypi").mkdir(parents=True)
    with served(tmp_path / "served") as (url, asked):
        yield Machine(tmp_path, url, asked)


@pytest.fixture(scope="module")
def empty_env(tmp_path_factory):
    env = tmp_path_factory.mktemp("empty") / "env"
    subprocess.run([sys.executable, "-m", "venv", env], check=True)
    return env


@pytest.fixture
def env(empty_env, tmp_path):
    return Path(shutil.copytree(empty_env, tmp_path / "env", symlinks=True))


def installed(env: Path) -> dict[str, str]:
    (packages,) = env.glob("lib/python*/site-packages")
    return {found.name: found.version for found in metadata.distributions(path=[str(packages)])} | {"pip": None}


def packages(env: Path) -> dict[str, str]:
    return {name: version for name, version in installed(env).items() if name not in ("pip", "setuptools")}


def test_the_lock_is_installed_as_it_is_where_the_configured_index_has_all_of_it(machine, env):
    add_wheel(machine.pypi, "torch", "2.13.0+cpu", TORCH_NEEDS)
    done = machine.add_to(env)
    assert done.returncode == 0, done.stderr
    assert packages(env) == ALL_OF_CPU
    assert machine.place_of("torch") == ["pypi"]


def test_torch_alone_comes_from_pytorchs_index_where_pypi_lacks_the_cpu_build(machine, env):
    add_wheel(machine.pypi, "torch", "2.13.0", TORCH_NEEDS)
    add_wheel(machine.pytorch, "torch", "2.13.0+cpu", TORCH_NEEDS)
    add_wheel(machine.pytorch, "tiny", "1.0")
    done = machine.add_to(env)
    assert done.returncode == 0, done.stderr
    assert packages(env) == ALL_OF_CPU
    assert machine.place_of("torch") == ["pypi", "pytorch"]
    assert machine.place_of("tiny") == ["pypi"]


@pytest.mark.parametrize("index", ["lacks it", "cannot be reached"])
def test_pypis_cuda_build_is_taken_last_with_what_it_needs_at_the_versions_of_the_locks(machine, env, index):
    add_wheel(machine.pypi, "torch", "2.13.0", TORCH_NEEDS)
    for version in ("1.0", "2.0"):
        add_wheel(machine.pypi, "nvidia", version)
    elsewhere = {"SAFELRM_TORCH_INDEX": "http://127.0.0.1:9/nowhere"} if index == "cannot be reached" else {}
    done = machine.add_to(env, **elsewhere)
    assert done.returncode == 0, done.stderr
    assert packages(env) == ALL_OF_CUDA
    assert "torch==2.13.0, for CUDA" in done.stdout


def test_what_to_do_is_said_where_no_index_has_torch(machine, env):
    done = machine.add_to(env)
    assert done.returncode == 1
    assert machine.place_of("torch") == ["pypi", "pytorch", "pypi"]
    assert "error: envs/lock.txt: could not be installed for Python 3." in done.stderr
    assert "No matching distribution found for torch==2.13.0" in done.stderr
    assert "SAFELRM_TORCH_INDEX" in done.stderr.partition("fix: ")[2]
    assert not (env / "stamp").exists()


def test_without_a_network_nothing_else_is_tried(machine, env):
    done = machine.add_to(env, PIP_INDEX_URL="http://127.0.0.1:9/nowhere")
    assert done.returncode == 1
    assert "error: envs/lock.txt: no package index can be reached" in done.stderr
    assert machine.asked == []


def test_a_lock_without_local_builds_asks_no_other_index(machine, env):
    (machine.folder / "envs/lock.txt").write_text("tiny==1.0\nshared==2.0 ; python_version < '3'\n")
    done = machine.add_to(env)
    assert done.returncode == 0, done.stderr
    assert packages(env) == {"tiny": "1.0"}
    assert not any("pytorch" in path for path in machine.asked)


@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed here")
@pytest.mark.parametrize("cpu_build", [True, False])
def test_uv_goes_the_same_way(machine, env, cpu_build):
    add_wheel(machine.pypi, "torch", "2.13.0", TORCH_NEEDS)
    add_wheel(machine.pypi, "nvidia", "1.0")
    if cpu_build:
        add_wheel(machine.pytorch, "torch", "2.13.0+cpu", TORCH_NEEDS)
    done = machine.add_to(env, PIP_INDEX_URL="", UV_DEFAULT_INDEX=f"{machine.url}/pypi", UV_NO_CACHE="1")
    assert done.returncode == 0, done.stderr
    assert packages(env) == (ALL_OF_CPU if cpu_build else ALL_OF_CUDA)


@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed here")
def test_uv_without_a_network_is_understood(machine, env):
    done = machine.add_to(env, PIP_INDEX_URL="", UV_DEFAULT_INDEX="http://127.0.0.1:9/nowhere", UV_HTTP_RETRIES="0")
    assert done.returncode == 1
    assert "no package index can be reached" in done.stderr


def test_uv_installs_where_it_is_there_unless_pip_alone_is_told_of_an_index(empty_env, tmp_path, monkeypatch):
    uv = tmp_path / "bin/uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PATH", "/nowhere")
    assert install.Installer(empty_env).command[1:3] == ["-m", "pip"]
    monkeypatch.setenv("PATH", str(uv.parent))
    assert install.Installer(empty_env).command[:2] == [str(uv), "pip"]
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    assert install.Installer(empty_env).command[1:3] == ["-m", "pip"]


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


def test_another_python_is_refused_by_name():
    with pytest.raises(install.SetupError, match=r"Python 3\.10; SafeLRM needs 3\.11, 3\.12 or 3\.13"):
        install.require_python((3, 10))
    assert install.require_python(sys.version_info[:2]) is None


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


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (
            "ERROR: Could not install: OSError: [Errno 28] No space left on device\n",
            "the disk is full",
        ),
        ("error: Failed to extract\n  cause: No space left on device (os error 28)\n", "the disk is full"),
        ("WARNING: connection broken by 'X'\nERROR: No version (from versions: none)\n", "no package index"),
        ("error: Request failed after 3 retries\n  cause: Failed to fetch: https://x\n", "no package index"),
        ("WARNING: connection broken by 'X'\nERROR: No version (from versions: 1.0, 2.0)\n", "could not be installed"),
        ("The virtual environment was not created: ensurepip is not available\n", "has no venv"),
    ],
)
def test_what_an_installer_says_becomes_one_problem_with_its_fix(said, problem):
    error = str(install.explain(said, Path(".venv"), Path("envs/cpu-vllm.txt")))
    assert problem in error.partition("fix: ")[0]
    assert error.partition("fix: ")[2]


@pytest.mark.parametrize("lock", ["cpu-vllm", "base"])
def test_pypis_build_of_torch_can_take_all_it_needs_from_the_locks(lock):
    local, others = install.local_builds((ROOT / f"envs/{lock}.txt").read_text())
    assert [install.released(pin) for pin in local] == ["torch==2.13.0"]
    pins = install.constraints((ROOT / f"envs/{lock}.txt").read_text(), (ROOT / "envs/gpu.txt").read_text())
    assert set(others) <= set(pins)
    assert not any(pin.startswith("torch==") for pin in pins)
    assert any(pin.startswith("nvidia-cudnn") for pin in pins)


def test_the_pythons_of_the_installer_are_those_of_the_project():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    (first, *_, last) = install.PYTHONS
    assert wanted == f">={first[0]}.{first[1]},<{last[0]}.{last[1] + 1}"
    (loop,) = [line for line in (ROOT / "envs/lock.sh").read_text().splitlines() if "for python in" in line]
    assert loop.split()[3:] == [*(f"{major}.{minor}" for major, minor in install.PYTHONS[:-1]), "3.13;", "do"]


def test_a_lock_of_several_pythons_marks_what_is_not_for_all():
    common = "# head\nb==1\n    # via a\n"
    joined = join_locks.join(
        {"3.11": f"{common}c==2\n    # via b\n", "3.12": f"{common}a==9\nc==3\n", "3.13": f"{common}a==9\nc==3\n"}
    )
    assert joined.splitlines() == [
        "# head",
        "a==9 ; python_version in '3.12 3.13'",
        "b==1",
        "    # via a",
        "c==2 ; python_version in '3.11'",
        "    # via b",
        "c==3 ; python_version in '3.12 3.13'",
    ]
