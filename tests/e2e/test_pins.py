"""Pins and published results: restored in a clone without training, and checked byte for byte."""

import re
import subprocess
from pathlib import Path

import pytest

from workflow_runs import activated, copy_of_study, planned, snakemake

pytestmark = pytest.mark.e2e

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml")
TABLE = "results/tiny/tables/summary.csv"
TRAINING = ("checkpoints/", "rollouts/", "data/")


def command(folder: Path, *words: str) -> None:
    done = subprocess.run(
        words, cwd=folder, env=activated(DVC_NO_ANALYTICS="1"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def commit(folder: Path) -> None:
    command(folder, "git", "add", "--all")
    command(folder, "git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "all")


def verify(folder: Path, *, check: bool = True) -> subprocess.CompletedProcess:
    return snakemake(folder, "--cores", "2", *CONFIG, "--", "verify", check=check)


@pytest.fixture(scope="module")
def pinned(finished_study, tmp_path_factory) -> tuple[Path, Path]:
    """A repository whose finished study is pinned, published and pushed, and the remote."""
    base = tmp_path_factory.mktemp("pinned")
    folder, remote = base / "safelrm", base / "remote"
    copy_of_study(finished_study, folder)
    # the studies of this repository have other models at the same paths
    for record in (folder / "results/published").glob("*/pinned.json"):
        record.unlink()
    command(folder, "git", "init", "--quiet")
    command(folder, "dvc", "remote", "add", "--default", "--local", "store", str(remote))
    snakemake(folder, "--cores", "1", *CONFIG, "--", "pin")
    commit(folder)
    command(folder, "dvc", "push", "--quiet")
    return folder, remote


@pytest.fixture
def clone(pinned, tmp_path) -> Path:
    folder, remote = pinned
    target = tmp_path / "clone"
    command(tmp_path, "git", "clone", "--quiet", str(folder), str(target))
    command(target, "dvc", "remote", "add", "--default", "--local", "store", str(remote))
    return target


def test_pinning_writes_tracked_files_and_nothing_else(pinned):
    folder, _ = pinned
    tracked = subprocess.run(["git", "ls-files"], cwd=folder, capture_output=True, text=True, check=True).stdout.split()
    assert {"data.dvc", "checkpoints.dvc", "rollouts.dvc"} <= set(tracked)
    assert f"results/published/tiny/{TABLE.removeprefix('results/tiny/')}" in tracked
    assert not [name for name in tracked if name.startswith(("data/", "checkpoints/", "rollouts/", "results/tiny/"))]


def test_what_is_not_of_the_study_is_not_pinned(pinned, tmp_path):
    folder = copy_of_study(pinned[0], tmp_path / "safelrm")
    former = "checkpoints/nano_a/rl-former/seed1/manifest.json"
    (folder / former).parent.mkdir(parents=True)
    (folder / former).write_text("{}")
    before = (folder / "checkpoints.dvc").read_bytes()
    done = snakemake(folder, "--cores", "1", *CONFIG, "--", "pin", check=False)
    assert done.returncode != 0
    assert f"such as {former}" in done.stdout + done.stderr
    assert (folder / "checkpoints.dvc").read_bytes() == before


def test_an_overridden_configuration_is_pinned_and_verified(pinned, tmp_path):
    folder = copy_of_study(pinned[0], tmp_path / "safelrm")
    override = ("--config", "name=renamed")
    before = (folder / "checkpoints.dvc").read_bytes()
    snakemake(folder, "--cores", "2", *CONFIG, *override, "--", "pin")
    assert (folder / "results/published/renamed/tables/summary.md").is_file()
    # both studies have the same files
    assert (folder / "checkpoints.dvc").read_bytes() == before
    said = snakemake(folder, "--cores", "2", "--", "verify_all").stdout
    for name in ("renamed", "tiny"):
        assert f"results/published/{name}: " in said
    assert "results/published/nano: has no pinned.json, left out" in said


def test_a_clone_rebuilds_its_tables_without_training(pinned, clone):
    command(clone, "dvc", "pull", "--quiet")
    snakemake(clone, "--cores", "1", *CONFIG, "--touch")
    assert not [path for path in planned(clone, *CONFIG) if path.startswith(TRAINING)]
    snakemake(clone, "--cores", "2", *CONFIG, "--", TABLE)
    assert (clone / TABLE).read_bytes() == (pinned[0] / TABLE).read_bytes()


def test_pulled_files_are_as_pinned_and_every_edited_result_is_named_and_no_other(clone):
    command(clone, "dvc", "pull", "--quiet")
    names = ("tables/summary.md", "tables/differences.csv", "figures/tradeoff.svg")
    for name in names:
        path = clone / "results/published/tiny" / name
        path.write_text(path.read_text().replace("0", "1", 1))
    done = verify(clone, check=False)
    assert done.returncode != 0
    assert "checkpoints: as pinned, with all files of tiny" in done.stdout + done.stderr
    (line,) = {line for line in (done.stdout + done.stderr).splitlines() if "cannot be made again" in line}
    assert set(re.findall(r"(?:tables|figures)/\w+\.\w+", line)) == set(names)


def test_a_changed_file_of_a_pinned_folder_is_named(pinned, tmp_path):
    folder = copy_of_study(pinned[0], tmp_path / "safelrm")
    path = next((folder / "rollouts").rglob("*.parquet"))
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + b"?")
    done = verify(folder, check=False)
    assert done.returncode != 0
    assert "rollouts: the folder differs from its pin" in done.stdout + done.stderr
