"""The set-up takes torch from the first place that has it, and says what to do where nothing does."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from machine_fixtures import ROOT, TORCH_NEEDS, packages
from stand_in_index import add_wheel

ALL_OF_CUDA = {"tiny": "1.0", "shared": "1.0", "nvidia": "1.0", "torch": "2.13.0"}
ALL_OF_CPU = {"tiny": "1.0", "shared": "1.0", "torch": "2.13.0+cpu"}


def module(name: str):
    spec = importlib.util.spec_from_file_location(f"envs_{name}", ROOT / f"envs/{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


install, join_locks = module("install"), module("join_locks")


@pytest.fixture(scope="module")
def empty_env(tmp_path_factory):
    env = tmp_path_factory.mktemp("empty") / "env"
    subprocess.run([sys.executable, "-m", "venv", env], check=True)
    return env


@pytest.fixture
def env(empty_env, tmp_path):
    return Path(shutil.copytree(empty_env, tmp_path / "env", symlinks=True))


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


def test_what_lies_behind_a_link_is_not_replaced(tmp_path, monkeypatch):
    """Regression: `.venv` led to an environment elsewhere, which was emptied."""
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "elsewhere/kept"
    kept.mkdir(parents=True)
    Path(".venv").symlink_to(kept.parent)
    with pytest.raises(install.SetupError, match="may be in use elsewhere"):
        install.require_own(Path(".venv"), Path("envs/cpu-vllm.txt"))
    Path(".venv").unlink()
    assert install.require_own(Path(".venv"), Path("envs/cpu-vllm.txt")) is None
    assert kept.is_dir()


def test_another_python_is_refused_by_name():
    with pytest.raises(install.SetupError, match=r"Python 3\.10; SafeLRM needs 3\.11, 3\.12 or 3\.13"):
        install.require_python((3, 10))
    assert install.require_python(sys.version_info[:2]) is None


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
