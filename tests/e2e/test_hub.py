"""Models and data sets of a hub, through the workflow: revisions, fetching, and jobs that need no network."""

import json
import shutil
import subprocess
import sys

import pytest
import yaml
from fake_hub import COMMIT, Repository, serving
from tiny_model import write_tiny_model

from safelrm.core.checkpoints import verified_model
from workflow_runs import copy_of_checkout, environment, snakemake

pytestmark = pytest.mark.e2e

SHAPE = "{parameters: 1.0e+5, layers: 2, hidden_size: 64, kv_heads: 1, head_dim: 32, vocabulary: 64}"
STUDY = f"""\
name: small
datasets:
  star1:
    source: safelrm.data.sources.star1
    settings: {{hub: acme/star1, revision: null}}
  asks:  # a remark
    source: safelrm.data.sources.advbench
    settings: {{hub: acme/asks, revision: null}}
models:
  tiny:
    hub: {{repo: acme/tiny, revision: null, shape: {SHAPE}}}
    settings: {{chat_template: trainable}}
guards:
  guard:
    hub: {{repo: acme/guard, revision: null, shape: {SHAPE}}}
    reading: {{unsafe_label: unsafe, safe_label: safe, max_length: 200}}
sft:
  star1: {{dataset: star1, epochs: 1.0, batch_size: 2, learning_rate: 1.0e-3, max_length: 64}}
benchmarks: [asks]
arms:
  - {{model: tiny, method: sft, recipe: star1, seeds: [1]}}
rollouts: {{temperature: 1.0, max_tokens: 8, seed: 1, dtype: float32, max_model_length: 64}}
judges:
  guard: {{module: safelrm.judging.guard, guard: guard}}
  refusal: {{module: safelrm.judging.refusal}}
  exact: {{module: safelrm.judging.exact}}
metrics: {{safety_judge: guard, refusal_judge: refusal, accuracy_judge: exact}}
"""
STAR1 = [
    {"question": f"w{n} w1", "response": f"<think> w{n} w2 </think> w3", "category": ["x"], "source": "y"}
    for n in range(4)
]
MADE = [
    "checkpoints/tiny/sft-star1/seed1/manifest.json",
    "checkpoints/guards/guard/manifest.json",
    "data/asks.parquet",
]


@pytest.fixture
def checkout(tmp_path):
    folder = copy_of_checkout(tmp_path / "safelrm")
    (folder / "small.yaml").write_text(STUDY)
    return folder


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    found = {}
    for seed, name in enumerate(("tiny", "guard")):
        folder = tmp_path_factory.mktemp(name)
        write_tiny_model(folder, seed=seed)
        files = {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
        found[f"models/acme/{name}"] = Repository(files)
    found["datasets/acme/star1"] = Repository({"star1.json": json.dumps(STAR1).encode()})
    found["datasets/acme/asks"] = Repository({"asks.json": json.dumps([{"goal": "w1 w2"}, {"goal": "w3"}]).encode()})
    return found


def run(checkout, *targets, check=True, **variables):
    arguments = ("--cores", "1", "--configfile", "small.yaml", "--", *targets)
    return snakemake(checkout, *arguments, check=check, HF_HOME=str(checkout / "home"), **variables)


def test_from_open_revisions_to_a_trained_model(checkout, repositories):
    with serving() as hub:
        hub.repositories |= repositories
        online = {"HF_ENDPOINT": hub.address}
        # without revisions nothing is fetched, and the error says what to do
        said = run(checkout, "fetch_all", check=False, **online)
        assert said.returncode != 0 and not hub.asked
        errors = [path.read_text() for path in (checkout / "logs/fetch").rglob("*.log")]
        assert len(errors) == 4
        for error in errors:
            assert "small.yaml: " in error and ".revision: no revision of acme/" in error
            assert "python -m safelrm revisions" in error
        fill = [sys.executable, "-m", "safelrm.operations.revisions", "small.yaml"]
        variables = environment(PYTHONPATH="workflow", **online)
        subprocess.run(fill, cwd=checkout, env=variables, check=True, capture_output=True)
        assert (checkout / "small.yaml").read_text() == STUDY.replace("null", COMMIT)
        run(checkout, "fetch_all", **online)
        assert len(list((checkout / "hub").rglob("manifest.json"))) == 4
    # the hub is gone: nothing needs it any more
    run(checkout, *MADE, HF_ENDPOINT="http://127.0.0.1:9")
    for manifest in MADE[:2]:
        verified_model(checkout / manifest)
    planned = snakemake(checkout, "-n", "--configfile", "small.yaml", "--", *MADE)
    assert "Nothing to be done" in planned.stdout + planned.stderr
    # without what Snakemake knows of the past, files of another revision are still found out
    shutil.rmtree(checkout / ".snakemake")
    shutil.rmtree(checkout / "checkpoints")
    other = yaml.safe_load((checkout / "small.yaml").read_text())
    other["models"]["tiny"]["hub"]["revision"] = "f" * 40
    (checkout / "small.yaml").write_text(yaml.safe_dump(other))
    done = run(checkout, "checkpoints/tiny/base/seed0/manifest.json", check=False)
    assert done.returncode != 0
    assert "is of revision 0123" in (checkout / "logs/base/tiny.log").read_text()
