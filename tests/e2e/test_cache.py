"""Snakemake's cache between workflows: what one checkout has made, another one does not make again."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from warm_python import warm_python
from workflow_runs import copy_of_checkout, environment, snakemake

pytestmark = pytest.mark.e2e

RUN = "nano_a/sft-star1/seed1"
CHECKPOINT, ROLLOUTS = f"checkpoints/{RUN}", f"rollouts/{RUN}.parquet"
MODEL = f"{CHECKPOINT}/manifest.json"
ARGUMENTS = ("--cores", "1", "--configfile", "config.yaml", "tests/e2e/tiny.yaml", "--")


def clone(folder: Path) -> Path:
    return copy_of_checkout(folder / "safelrm")


def cached(cache: Path) -> dict[str, str]:
    cache.mkdir(exist_ok=True)
    return {"SNAKEMAKE_OUTPUT_CACHE": str(cache)}


def stages(folder: Path) -> list[str]:
    """The stages that jobs were run of."""
    lines = (folder / "logs/timings.jsonl").read_text().splitlines()
    return [json.loads(line)["stage"] for line in lines]


def made(folder: Path, *names: str) -> dict[str, bytes]:
    names = (MODEL, f"{CHECKPOINT}/model/model.safetensors", *names)
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture
def filled(finished_study, tmp_path) -> tuple[Path, Path]:
    """The checkout of a finished study, and a copy of the cache that it has filled."""
    return finished_study, Path(shutil.copytree(finished_study / "cache", tmp_path / "filled"))


def test_a_second_checkout_trains_and_generates_nothing(filled, tmp_path):
    checkout, cache = filled
    second = clone(tmp_path)
    snakemake(second, *ARGUMENTS, ROLLOUTS, **cached(cache))
    assert set(stages(second)) == {"curate"}
    assert made(second, ROLLOUTS) == made(checkout, ROLLOUTS)
    # an edit is not served by what was made before it
    config = second / "tests/e2e/tiny.yaml"
    config.write_text(config.read_text().replace("star1: {epochs: 1.0}", "star1: {epochs: 2.0}"))
    snakemake(second, *ARGUMENTS, MODEL, **cached(cache))
    assert sorted(set(stages(second))) == ["curate", "sft"]
    assert made(second) != made(checkout)


def test_a_damaged_entry_is_dropped_and_made_again(filled, tmp_path):
    checkout, cache = filled
    weights, rollouts = (
        cache / (checkout / name).resolve().name for name in (f"{CHECKPOINT}/model/model.safetensors", ROLLOUTS)
    )
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    rollouts.write_bytes(rollouts.read_bytes()[: rollouts.stat().st_size // 2])
    other = clone(tmp_path)
    done = snakemake(other, *ARGUMENTS, ROLLOUTS, **cached(cache))
    assert "dropped an entry of the cache, which is made again" in done.stderr
    assert sorted(set(stages(other))) == ["curate", "rollouts", "sft"]
    assert made(other, ROLLOUTS) == made(checkout, ROLLOUTS)
    assert weights.is_file() and rollouts.is_file()


def test_two_checkouts_at_once_do_not_corrupt_the_cache(finished_study, tmp_path):
    cache = tmp_path / "cache"
    checkouts = [clone(tmp_path / name) for name in ("a", "b")]
    runs = [
        subprocess.Popen(
            [warm_python(), "-m", "snakemake", *ARGUMENTS, MODEL],
            cwd=checkout,
            env=environment(**cached(cache)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for checkout in checkouts
    ]
    for run in runs:
        said, _ = run.communicate()
        assert run.returncode == 0, said
    for checkout in checkouts:
        assert made(checkout) == made(finished_study)
    third = clone(tmp_path / "third")
    snakemake(third, *ARGUMENTS, MODEL, **cached(cache))
    assert set(stages(third)) == {"curate"}
    assert made(third) == made(finished_study)
