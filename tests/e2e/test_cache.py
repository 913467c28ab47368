"""Snakemake's cache between workflows: what one checkout has made, another one does not make again."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from workflow_runs import SNAKEMAKE, copy_of_checkout, environment, snakemake

pytestmark = pytest.mark.e2e

RUN = "nano_a/sft-star1/seed1"
CHECKPOINT, ROLLOUTS = f"checkpoints/{RUN}", f"rollouts/{RUN}.parquet"
ARGUMENTS = ("--cores", "1", "--configfile", "config.yaml", "tests/e2e/tiny.yaml", "--", ROLLOUTS)


def clone(folder: Path) -> Path:
    return copy_of_checkout(folder / "safelrm")


def cached(cache: Path) -> dict[str, str]:
    cache.mkdir(exist_ok=True)
    return {"SNAKEMAKE_OUTPUT_CACHE": str(cache)}


def stages(folder: Path) -> list[str]:
    """The stages that jobs were run of."""
    lines = (folder / "logs/timings.jsonl").read_text().splitlines()
    return [json.loads(line)["stage"] for line in lines]


def made(folder: Path) -> dict[str, bytes]:
    names = [ROLLOUTS, f"{CHECKPOINT}/manifest.json", f"{CHECKPOINT}/model/model.safetensors"]
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> tuple[Path, Path]:
    """A checkout that has filled a cache, and the cache."""
    folder = tmp_path_factory.mktemp("first")
    checkout, cache = clone(folder), folder / "cache"
    snakemake(checkout, *ARGUMENTS, **cached(cache))
    assert {"base", "sft", "rollouts"} <= set(stages(checkout))
    return checkout, cache


def test_a_second_checkout_trains_and_generates_nothing(first, tmp_path):
    checkout, cache = first
    second = clone(tmp_path)
    snakemake(second, *ARGUMENTS, **cached(cache))
    assert set(stages(second)) == {"curate"}
    assert made(second) == made(checkout)
    # an edit is not served by what was made before it
    config = second / "tests/e2e/tiny.yaml"
    config.write_text(config.read_text().replace("star1: {epochs: 1.0}", "star1: {epochs: 2.0}"))
    snakemake(second, *ARGUMENTS, **cached(cache))
    assert sorted(set(stages(second))) == ["curate", "rollouts", "sft"]
    assert made(second) != made(checkout)


def test_a_damaged_entry_is_dropped_and_made_again(first, tmp_path):
    checkout, whole = first
    cache = Path(shutil.copytree(whole, tmp_path / "cache"))
    weights, rollouts = (
        cache / (checkout / name).resolve().name for name in (f"{CHECKPOINT}/model/model.safetensors", ROLLOUTS)
    )
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    rollouts.write_bytes(rollouts.read_bytes()[: rollouts.stat().st_size // 2])
    other = clone(tmp_path)
    done = snakemake(other, *ARGUMENTS, **cached(cache))
    assert "dropped an entry of the cache, which is made again" in done.stderr
    assert sorted(set(stages(other))) == ["curate", "rollouts", "sft"]
    assert made(other) == made(checkout)
    assert weights.is_file() and rollouts.is_file()


def test_two_checkouts_at_once_do_not_corrupt_the_cache(first, tmp_path):
    cache = tmp_path / "cache"
    checkouts = [clone(tmp_path / name) for name in ("a", "b")]
    runs = [
        subprocess.Popen(
            [*SNAKEMAKE, *ARGUMENTS],
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
        assert made(checkout) == made(first[0])
    third = clone(tmp_path / "third")
    snakemake(third, *ARGUMENTS, **cached(cache))
    assert set(stages(third)) == {"curate"}
    assert made(third) == made(first[0])
