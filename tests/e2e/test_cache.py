"""Snakemake's cache between workflows: what one checkout has made, another one does not make again."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from workflow_runs import SNAKEMAKE, copy_of_checkout, environment, snakemake

pytestmark = pytest.mark.e2e

RUN = "nano_a/sft-star1/seed1"
CHECKPOINT, ROLLOUTS = f"checkpoints/{RUN}", f"rollouts/{RUN}.parquet"
ARGUMENTS = ("--cores", "1", "--cache", "--configfile", "config.yaml", "tests/e2e/tiny.yaml", "--", ROLLOUTS)


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


def test_a_corrupt_entry_is_named_with_the_command_that_drops_it(first, tmp_path):
    checkout, whole = first
    cache = Path(shutil.copytree(whole, tmp_path / "cache"))
    entry = cache / (checkout / f"{CHECKPOINT}/model/model.safetensors").resolve().name
    entry.write_bytes(entry.read_bytes()[:-4] + b"\0\0\0\1")
    # without rollouts in the cache, another checkout has to read the model
    (cache / (checkout / ROLLOUTS).resolve().name).unlink()
    other = clone(tmp_path)
    done = snakemake(other, *ARGUMENTS, check=False, **cached(cache))
    assert done.returncode != 0
    (fix,) = {line for line in done.stderr.splitlines() if str(entry) in line and "rm " in line}
    command = "rm " + fix.partition("rm ")[2].partition(",")[0]
    subprocess.run(shlex.split(command), cwd=other, check=True)
    snakemake(other, *ARGUMENTS, **cached(cache))
    assert stages(other).count("sft") == 1
    assert entry.is_file()


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
