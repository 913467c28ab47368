"""One arm out of a pinned folder: pushed, pulled into a clone, and used there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from safelrm.core.checkpoints import MODEL_FILES, verified_model, write_manifest
from workflow_runs import ROOT, activated, copy_of_checkout, copy_of_folder, copy_of_study, snakemake

pytestmark = pytest.mark.e2e

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml")
ARM, OTHER = "checkpoints/nano_a/sft-star1", "checkpoints/nano_a/base"
ROLLOUTS = "rollouts/nano_a/sft-star1/seed1.parquet"
PUSH = (sys.executable, "-m", "safelrm.operations.push")


def command(folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess:
    variables = activated(DVC_NO_ANALYTICS="1", PYTHONPATH=str(ROOT / "workflow"))
    done = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def pin(folder: Path) -> Path:
    command(folder, "git", "init", "--quiet")
    command(folder, "dvc", "add", "--quiet", "checkpoints")
    command(folder, "git", "add", "--all")
    command(folder, "git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "all")
    return folder


@pytest.fixture(scope="module")
def names_pinned(tmp_path_factory) -> Path:
    """A repository with pinned checkpoints, which hold nothing but their names."""
    folder = copy_of_checkout(tmp_path_factory.mktemp("names") / "safelrm")
    for run in (f"{ARM}/seed1", f"{ARM}/seed2", f"{OTHER}/seed0"):
        model = folder / run / "model"
        model.mkdir(parents=True)
        for name in MODEL_FILES:
            (model / name).write_text(f"{run} {name}")
        write_manifest(folder / run / "manifest.json")
    return pin(folder)


@pytest.fixture
def pinned(names_pinned, tmp_path) -> Path:
    """A copy of it, to change."""
    return copy_of_folder(names_pinned, tmp_path / "safelrm")


def with_remote(folder: Path, remote: Path) -> Path:
    command(folder, "dvc", "remote", "add", "--force", "--default", "--local", "store", str(remote))
    return folder


def clone_of(pinned: Path, target: Path, remote: Path) -> Path:
    command(target.parent, "git", "clone", "--quiet", str(pinned), str(target))
    return with_remote(target, remote)


def test_an_arm_is_pulled_alone_and_answers_without_training(finished_study, tmp_path):
    pinned = pin(copy_of_study(finished_study, tmp_path / "safelrm"))
    remote = tmp_path / "remote"
    command(with_remote(pinned, remote), *PUSH, ARM)
    clone = clone_of(pinned, tmp_path / "clone", remote)
    command(clone, "dvc", "pull", "--quiet", ARM)
    wanted = {name for name in files(pinned / "checkpoints") if f"checkpoints/{name}".startswith(f"{ARM}/")}
    assert files(clone / "checkpoints") == {name for name in wanted if ".snakemake" not in name}
    verified_model(clone / ARM / "seed1/manifest.json")
    snakemake(clone, "--cores", "1", *CONFIG, "--", ROLLOUTS)
    ran = {json.loads(line)["stage"] for line in (clone / "logs/timings.jsonl").read_text().splitlines()}
    assert ran == {"curate", "rollouts"}
    assert (clone / ROLLOUTS).read_bytes() == (pinned / ROLLOUTS).read_bytes()


def test_what_is_pushed_after_a_part_is_really_there(pinned, tmp_path):
    # after the first part, `dvc push` says that all is there
    remote = tmp_path / "remote"
    command(with_remote(pinned, remote), *PUSH, ARM)
    assert "Everything is up to date" in command(pinned, "dvc", "push", "checkpoints").stdout
    assert command(clone_of(pinned, tmp_path / "early", remote), "dvc", "pull", OTHER, check=False).returncode != 0
    said = command(pinned, *PUSH, "checkpoints").stdout
    assert " 0 of them" not in said
    late = clone_of(pinned, tmp_path / "late", remote)
    command(late, "dvc", "pull", "--quiet", "checkpoints")
    assert {name for name in files(pinned / "checkpoints") if ".snakemake" not in name} == files(late / "checkpoints")
    assert " 0 of them" in command(pinned, *PUSH, "checkpoints").stdout


@pytest.mark.parametrize(
    ("target", "message"), [("docs", "docs: is not pinned"), ("checkpoints/nano_z", "no pinned file lies there")]
)
def test_what_is_not_pinned_is_named(pinned, tmp_path, target, message):
    done = command(with_remote(pinned, tmp_path / "remote"), *PUSH, target, check=False)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_clone_does_not_push_what_it_does_not_have(pinned, tmp_path):
    command(with_remote(pinned, tmp_path / "remote"), *PUSH, ARM)
    clone = clone_of(pinned, tmp_path / "clone", tmp_path / "remote")
    command(clone, "dvc", "pull", "--quiet", ARM)
    with_remote(clone, tmp_path / "empty")
    assert "files are not in DVC's cache" in command(clone, *PUSH, "checkpoints", check=False).stderr
    # nothing there makes others believe that the folder is complete
    assert not list((tmp_path / "empty").rglob("*.dir"))
