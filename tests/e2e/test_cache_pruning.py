"""A cache that Snakemake itself has filled, from a small workflow with the outputs of the real one."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from safelrm.core.checkpoints import MODEL_FILES
from warm_python import warm_python
from workflow_runs import ROOT, environment

pytestmark = pytest.mark.e2e

OUTPUTS = "".join(f'        {Path(name).stem}="checkpoints/{{run}}/model/{name}",\n' for name in MODEL_FILES)
SNAKEFILE = f"""
import sys

sys.path.insert(0, {str(ROOT / "workflow")!r})
from safelrm.operations.patches import serve_undamaged

serve_undamaged()


rule train:
    output:
{OUTPUTS}        manifest="checkpoints/{{run}}/manifest.json",
        curve="checkpoints/{{run}}/curve.parquet",
    cache: True
    params: run="{{run}}"
    shell: "for name in {{output}}; do echo {{params.run}} > $name; done; echo {{params.run}} >> ran"


rule answer:
    input: "checkpoints/{{run}}/manifest.json"
    output: table="rollouts/{{run}}.parquet"
    cache: True
    params: run="{{run}}"
    shell: "cp {{input}} {{output.table}}"
"""


def fill(checkout: Path, cache: Path, *runs: str) -> list[str]:
    """Run the workflow; the runs that were trained and not taken from the cache, in order of name."""
    checkout.mkdir(exist_ok=True)
    cache.mkdir(exist_ok=True)
    (checkout / "Snakefile").write_text(SNAKEFILE)
    (checkout / "ran").unlink(missing_ok=True)
    targets = [f"rollouts/{run}.parquet" for run in runs]
    command = [warm_python(), "-m", "snakemake", "--cores", "1", "--cache", "--quiet", "all", "--", *targets]
    subprocess.run(command, cwd=checkout, env=environment(SNAKEMAKE_OUTPUT_CACHE=str(cache)), check=True)
    return sorted((checkout / "ran").read_text().split()) if (checkout / "ran").exists() else []


def prune(checkout: Path, cache: Path, *options: str) -> str:
    command = [warm_python(), "-m", "safelrm.operations.cache", *options]
    variables = environment(SNAKEMAKE_OUTPUT_CACHE=str(cache), PYTHONPATH=str(ROOT / "workflow"))
    return subprocess.run(command, cwd=checkout, env=variables, check=True, capture_output=True, text=True).stdout


def age(cache: Path, days: float) -> None:
    for path in cache.iterdir():
        os.utime(path, (time.time() - days * 86400,) * 2)


def test_what_no_checkout_links_to_goes_and_is_made_again(tmp_path):
    cache, first, second = (tmp_path / name for name in ("cache", "first", "second"))
    assert fill(first, cache, "a", "b") == ["a", "b"]
    assert fill(second, cache, "b") == []
    age(cache, 10)
    # both are the first checkout's
    assert "4 entries" in prune(first, cache, "--idle-days", "1")
    assert "deleted 0 entries" in prune(first, cache, "--idle-days", "1", "--delete")
    # of the second's point of view, all that belongs to `a` may go
    assert "deleted 2 entries" in prune(second, cache, "--to-gib", "0", "--delete")
    assert (second / "rollouts/b.parquet").read_text() == "b\n"
    assert fill(tmp_path / "third", cache, "a", "b") == ["a"]
    # the first's links to `a` led nowhere until then
    assert fill(first, cache, "a") == []
    assert (first / "rollouts/a.parquet").read_text() == "a\n"


def test_a_half_stored_entry_is_found_and_dropped(tmp_path):
    cache, checkout = tmp_path / "cache", tmp_path / "first"
    fill(checkout, cache, "a")
    next(cache.glob("*_curve.parquet")).unlink()
    age(cache, 10)
    other = tmp_path / "other"
    other.mkdir()
    (other / "Snakefile").touch()
    assert "partial: lacks ['curve.parquet']" in prune(other, cache)
    assert "deleted 1 entries" in prune(other, cache, "--delete")
    assert sorted(path.name[64:] for path in cache.iterdir()) == [".parquet", "_list.json"]
