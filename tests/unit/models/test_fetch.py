"""Fetching from a hub: complete and checked, or one clear error and no manifest."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import torch
from fake_hub import COMMIT, Repository, run_module, serving, started
from safetensors.torch import load_file
from tiny_model import write_tiny_model
from transformers import AutoConfig, AutoModelForCausalLM

from safelrm.core.checkpoints import MODEL_FILES, verified_download, verified_model, write_download
from safelrm.core.errors import SafeLRMError
from safelrm.models import base
from safelrm.models.online import CONFIGFILES
from safelrm.models.schemas import CURVES

NOWHERE = "http://127.0.0.1:9"
TOKEN = "hf_a_token_that_nobody_may_see"
ROWS = [{"goal": "w1 w2", "index": 1}, {"goal": "w3 ü", "index": None}]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """A tiny bfloat16 model as a hub has it: in two files of weights."""
    folder = tmp_path_factory.mktemp("origin")
    write_tiny_model(folder)
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.bfloat16)
    (folder / "model/model.safetensors").unlink()
    model.save_pretrained(folder / "model", max_shard_size="60KB")
    generation = folder / "model/generation_config.json"
    generation.write_text(json.dumps(json.loads(generation.read_text()) | {"temperature": 0.6, "top_k": 20}))
    return {path.name: path.read_bytes() for path in (folder / "model").iterdir()}


@pytest.fixture
def hub(files):
    with serving() as hub:
        others = {
            "README.md": b"# a card",
            "original/params.json": b"{}",
            "pytorch_model.bin": b"pickle",
            "run.py": b"",
        }
        hub.repositories["models/acme/tiny"] = Repository(files | others)
        hub.repositories["datasets/acme/asks"] = Repository({"train.json": json.dumps(ROWS).encode()})
        yield hub


def command(kind: str = "model", revision: str | None = COMMIT) -> list[str]:
    settings = {"model": {"repo": "acme/tiny"}, "dataset": {"repo": "acme/asks", "split": "train"}}[kind]
    arguments = ["--kind", kind, "--settings", json.dumps(settings | {"revision": revision})]
    return [*arguments, "--key", "models.tiny.hub", "--manifest", f"{kind}/manifest.json"]


def fetch(folder: Path, address: str, kind: str = "model", revision: str | None = COMMIT, **variables: str):
    variables |= {CONFIGFILES: "study.yaml"}
    return run_module("safelrm.models.fetch", command(kind, revision), address, folder, **variables)


def fetched(folder: Path, address: str, kind: str = "model", **variables: str) -> Path:
    done = fetch(folder, address, kind, **variables)
    assert done.returncode == 0, done.stderr
    return folder / kind / "manifest.json"


def make_base(monkeypatch, folder: Path, manifest: Path, **settings: object) -> Path:
    arguments = {
        "factory": "safelrm.models.hub",
        "settings": json.dumps({"revision": COMMIT} | settings),
        "inputs": f"hub={manifest}",
        "seed": 0,
        "manifest": folder / "base/manifest.json",
        "curve": folder / "curve.parquet",
    }
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["base", *(f"--{name}={value}" for name, value in arguments.items())])
    base.main()
    return arguments["manifest"]


@pytest.fixture(scope="module")
def fetched_once(files, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fetched")
    with serving() as hub:
        hub.repositories["models/acme/tiny"] = Repository(files)
        return fetched(folder, hub.address).parent


@pytest.fixture
def manifest(fetched_once, tmp_path) -> Path:
    """The manifest of a fetched model, to damage."""
    return shutil.copytree(fetched_once, tmp_path / "model") / "manifest.json"


def test_a_model_becomes_a_checkpoint_with_the_tensors_of_the_hub(files, hub, monkeypatch, tmp_path):
    manifest = fetched(tmp_path, hub.address)
    assert json.loads(manifest.read_text())["revision"] == COMMIT
    assert {path.name for path in manifest.parent.glob("[!.]*")} == {*files, "manifest.json"}
    assert sum(name.endswith(".safetensors") for name in files) >= 2
    folder = verified_model(make_base(monkeypatch, tmp_path, manifest))
    assert sorted(path.name for path in folder.iterdir()) == list(MODEL_FILES)
    shards = [load_file(path) for path in sorted(manifest.parent.glob("*.safetensors"))]
    expected = {name: tensor for shard in shards for name, tensor in shard.items()}
    found = load_file(folder / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == torch.bfloat16 and torch.equal(found[name], tensor), name
    AutoModelForCausalLM.from_pretrained(folder)
    assert AutoConfig.from_pretrained(folder).dtype == torch.bfloat16
    generation = json.loads((folder / "generation_config.json").read_text())
    assert generation["eos_token_id"] == 2 and not {"temperature", "top_k"} & set(generation)
    assert CURVES.read(tmp_path / "curve.parquet", allow_empty=True).empty
    assert not (tmp_path / "home").exists()


def test_a_second_fetch_downloads_nothing_and_drops_what_the_revision_lacks(hub, tmp_path):
    manifest = fetched(tmp_path, hub.address)
    before = manifest.read_bytes()
    (manifest.parent / "model-stale.safetensors").touch()
    hub.asked.clear()
    assert fetched(tmp_path, hub.address).read_bytes() == before
    assert not [path for path in hub.asked if "safetensors" in path]
    assert verified_download(manifest, COMMIT) == manifest.parent


def test_a_killed_fetch_leaves_no_manifest_and_goes_on(files, hub, tmp_path):
    first, last = sorted(name for name in files if name.endswith(".safetensors"))[:2]
    hub.held.add(last)
    process = started("safelrm.models.fetch", command(), hub.address, tmp_path)
    deadline = time.monotonic() + 60
    # written after the file itself: what a file without it holds is asked for again
    known = tmp_path / f"model/.cache/huggingface/download/{first}.metadata"
    while not known.exists() or not any(last in path for path in hub.asked):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert not (tmp_path / "model/manifest.json").exists()
    hub.held.clear()
    hub.asked.clear()
    verified_download(fetched(tmp_path, hub.address), COMMIT)
    assert any(last in path for path in hub.asked) and not any(first in path for path in hub.asked)


def test_a_data_set_becomes_lines(hub, tmp_path):
    manifest = fetched(tmp_path, hub.address, "dataset")
    folder = verified_download(manifest, COMMIT)
    lines = (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    assert {path.name for path in folder.iterdir()} == {"rows.jsonl", "manifest.json"}
    assert not (tmp_path / "home").exists()


def failure(done: subprocess.CompletedProcess, folder: Path) -> str:
    """The one error of a fetch that left no manifest."""
    assert done.returncode == 1
    assert not list(folder.rglob("manifest.json"))
    assert done.stderr.count("error: ") == 1 and "Traceback" not in done.stderr
    assert "\n  fix: " in done.stderr
    return done.stderr


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_without_network_there_is_one_error(kind, tmp_path):
    said = failure(fetch(tmp_path, NOWHERE, kind), tmp_path)
    assert said.startswith("error: study.yaml: models.tiny.hub: acme/")
    assert "login node" in said


def test_without_a_revision_nothing_is_fetched(hub, tmp_path):
    said = failure(fetch(tmp_path, hub.address, revision=None), tmp_path)
    assert said.startswith("error: study.yaml: models.tiny.hub.revision: no revision of acme/tiny")
    assert "python -m safelrm revisions study.yaml" in said
    assert not hub.asked


def test_a_file_that_is_not_the_listed_one_is_refused_and_removed(files, hub, tmp_path):
    shard = next(name for name in files if name.endswith(".safetensors"))
    hub.repositories["models/acme/tiny"].served[shard] = files[shard][:-1] + b"\1"
    said = failure(fetch(tmp_path, hub.address), tmp_path)
    assert shard in said and "the hub lists" in said
    assert not (tmp_path / "model" / shard).exists()
    hub.repositories["models/acme/tiny"].served.clear()
    fetched(tmp_path, hub.address)


def test_a_small_file_is_checked_too(files, hub, tmp_path):
    hub.repositories["models/acme/tiny"].served["config.json"] = b" " + files["config.json"][1:]
    assert "config.json: what was received" in failure(fetch(tmp_path, hub.address), tmp_path)


def test_pickled_weights_are_refused(hub, tmp_path):
    repository = hub.repositories["models/acme/tiny"]
    repository.files = {name: content for name, content in repository.files.items() if "safetensors" not in name}
    said = failure(fetch(tmp_path, hub.address), tmp_path)
    assert "no safetensors weights" in said and "pytorch_model.bin" in said
    assert not [path for path in hub.asked if "resolve" in path]


def test_a_revision_that_is_not_there_is_named_and_the_old_manifest_is_gone(hub, tmp_path):
    fetched(tmp_path, hub.address)
    said = failure(fetch(tmp_path, hub.address, revision="f" * 40), tmp_path)
    assert "RevisionNotFoundError" in said and "set the revision to null" in said


def test_a_gated_data_set_is_called_gated(hub, tmp_path):
    hub.repositories["datasets/acme/asks"].only_for = TOKEN
    said = failure(fetch(tmp_path, hub.address, "dataset"), tmp_path)
    assert "accept its terms" in said
    assert fetch(tmp_path, hub.address, "dataset", HF_TOKEN=TOKEN).returncode == 0


def test_a_token_is_used_and_written_nowhere(hub, tmp_path):
    hub.repositories["models/acme/tiny"].only_for = TOKEN
    said = failure(fetch(tmp_path, hub.address), tmp_path)
    assert "GatedRepoError" in said and "accept its terms" in said
    done = fetch(tmp_path, hub.address, HF_TOKEN=TOKEN)
    assert done.returncode == 0
    wrong = fetch(tmp_path / "model", hub.address, HF_TOKEN=f"{TOKEN}_wrong")
    assert wrong.returncode == 1
    assert TOKEN not in done.stdout + done.stderr + wrong.stdout + wrong.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 6
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "config.json").write_text("{ }"), "differs from the manifest"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "missing"),
        (lambda folder: (folder / "added_tokens.json").write_text("{}"), "not listed"),
    ],
)
def test_what_was_damaged_after_the_fetch_is_not_used(damage, said, manifest, monkeypatch, tmp_path):
    damage(manifest.parent)
    with pytest.raises(SafeLRMError, match=said):
        make_base(monkeypatch, tmp_path, manifest)
    assert not (tmp_path / "base").exists()


def test_files_of_another_revision_are_not_used(manifest, monkeypatch, tmp_path):
    with pytest.raises(SafeLRMError, match=r"(?s)is of revision 0123.*fetch_all"):
        make_base(monkeypatch, tmp_path, manifest, revision="f" * 40)


def test_an_architecture_with_code_of_its_own_is_refused(files, manifest, monkeypatch, tmp_path):
    config = json.loads(files["config.json"]) | {"model_type": "unheard", "auto_map": {"AutoConfig": "run.Config"}}
    (manifest.parent / "config.json").write_text(json.dumps(config))
    write_download(manifest, {"revision": COMMIT}, [*files])
    with pytest.raises(SafeLRMError, match="does not know this architecture"):
        make_base(monkeypatch, tmp_path, manifest)
