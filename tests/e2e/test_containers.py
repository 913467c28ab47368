"""Jobs in an image: Apptainer is played by a script, which has the image's PATH and the host's other variables."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_runs import ROOT, copy_of_checkout, environment, planned, snakemake

pytestmark = pytest.mark.e2e

DATA = "data/rl_dial.parquet"
APPTAINER = """#!/bin/sh
[ "$1" != --version ] || { echo "apptainer version 1.4.0"; exit; }
until [ "${1##*.}" = sif ]; do shift; done
shift
PATH=IMAGE_PATH exec "$@"
"""


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path) -> Path:
    folder = copy_of_checkout(tmp_path / "safelrm")
    (folder / "envs/containers/cpu-vllm.sif").touch()
    return folder


@pytest.fixture
def variables(tmp_path) -> dict[str, str]:
    """A host whose Python is not that of the image; the image's one keeps a list of what it is asked to run."""
    inside = f'#!/bin/sh\necho "$@" >> {tmp_path}/inside\nexec {sys.executable} "$@"\n'
    executable(tmp_path / "image/bin/python", inside)
    executable(tmp_path / "host/apptainer", APPTAINER.replace("IMAGE_PATH", f"{tmp_path}/image/bin:/usr/bin:/bin"))
    return {"PATH": f"{tmp_path / 'host'}:{environment()['PATH']}"}


def run_inside(tmp_path: Path) -> list[str]:
    log = tmp_path / "inside"
    return [line.split()[1] for line in log.read_text().splitlines()] if log.exists() else []


def test_a_job_runs_in_the_image_with_its_python(checkout, variables, tmp_path):
    snakemake(checkout, "--cores", "1", "--sdm", "apptainer", "--", DATA, **variables)
    assert (checkout / DATA).is_file()
    assert run_inside(tmp_path) == ["safelrm.dag.locks", "safelrm.data.curate"]


def test_no_image_is_asked_for_without_the_option(checkout, variables, tmp_path):
    (checkout / "envs/containers/cpu-vllm.sif").unlink()
    snakemake(checkout, "--cores", "1", "--", DATA, **variables)
    assert (checkout / DATA).is_file()
    assert run_inside(tmp_path) == []


def test_neither_an_image_nor_another_one_makes_a_job_run_again(checkout, variables, tmp_path):
    snakemake(checkout, "--cores", "1", "--", DATA, **variables)
    other = tmp_path / "other.sif"
    other.touch()
    for arguments in (["--sdm", "apptainer"], ["--sdm", "apptainer", "--config", f"execution={{container: {other}}}"]):
        assert DATA not in planned(checkout, *arguments)
    assert run_inside(tmp_path) == []


def test_a_missing_image_is_named_with_the_command_that_builds_it(checkout, variables):
    (checkout / "envs/containers/cpu-vllm.sif").unlink()
    done = snakemake(checkout, "--cores", "1", "--sdm", "apptainer", "--", DATA, check=False, **variables)
    assert done.returncode != 0
    assert "apptainer build --build-arg LOCK=cpu-vllm envs/containers/cpu-vllm.sif" in done.stderr
    assert not (checkout / DATA).exists()


def test_an_image_of_another_lock_is_refused(checkout, variables):
    lock = checkout / "envs/cpu-vllm.txt"
    lock.write_text(lock.read_text().replace("pandas==3", "pandas==99"))
    done = snakemake(checkout, "--cores", "1", "--sdm", "apptainer", "--", DATA, check=False, **variables)
    assert done.returncode != 0
    assert "cpu-vllm.sif: not the environment of the lock" in done.stderr
    assert "pandas: the lock says 99" in done.stderr


NOBODY = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]


def has_namespaces() -> bool:
    found = shutil.which("unshare")
    return bool(found) and subprocess.run([*NOBODY, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="no user namespaces here")
def test_a_user_without_a_name_can_run_snakemake_and_dvc_with_the_variables_of_the_docker_image(checkout):
    subprocess.run(["git", "init", "--quiet"], cwd=checkout, check=True)
    instruction = (ROOT / "envs/containers/Dockerfile").read_text().partition("\nENV ")[2]
    variables = dict(re.findall(r"(\w+)=(\S+)", instruction)) | {"PATH": "/usr/bin:/bin"}
    for command in (["snakemake", "-n", DATA], ["dvc", "status"]):
        arguments = [*NOBODY, sys.executable, "-m", *command]
        done = subprocess.run(arguments, cwd=checkout, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        without = {name: value for name, value in variables.items() if name != "USER"}
        done = subprocess.run(arguments, cwd=checkout, env=without, capture_output=True, text=True, check=False)
        assert "uid not found: 12345" in done.stdout + done.stderr
