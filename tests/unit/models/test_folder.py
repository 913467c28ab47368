"""A model in a folder of the user becomes a checkpoint; what is no whole model is one error with a fix."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tiny_model import CHAT_TEMPLATE, write_tiny_model
from transformers import AutoModelForCausalLM

from safelrm.core.checkpoints import verified_model
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.inference.chat import trace_format_of, user_turn
from safelrm.models import base
from safelrm.models.folder import make
from safelrm.models.settings import FolderSettings

ROOT = Path(__file__).parents[3]
INDEX = "model.safetensors.index.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A model with its weights in one file."""
    folder = tmp_path_factory.mktemp("whole")
    return write_tiny_model(folder).parent / "model"


@pytest.fixture(scope="module")
def sharded(whole, tmp_path_factory) -> Path:
    """The same model with its weights in several files."""
    folder = shutil.copytree(whole, tmp_path_factory.mktemp("sharded") / "a model")
    (folder / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(whole).save_pretrained(folder, max_shard_size="60KB")
    assert len([*folder.glob("model-0000*-of-*.safetensors")]) >= 2
    return folder


@pytest.fixture(params=["whole", "sharded"])
def folder(request, tmp_path) -> Path:
    """A copy of either, to damage."""
    return shutil.copytree(request.getfixturevalue(request.param), tmp_path / "its folder")


def study_with(folder: Path, section: str = "models"):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    name = {"models": "nano_a", "guards": "guard_a"}[section]
    kept = {key: value for key, value in config[section][name].items() if key == "reading"}
    config[section][name] = {"path": str(folder), **kept}
    return load_study(config, "config.yaml")


def refused(folder: Path) -> str:
    """What reading the configuration says, and the same of the job, which may find the folder changed."""
    with pytest.raises(SafeLRMError) as planned:
        study_with(folder)
    text = str(planned.value)
    assert text.startswith("config.yaml: models.nano_a.path: ") and "\n  fix: " in text
    with pytest.raises(SafeLRMError) as made:
        make(FolderSettings(), {"folder": folder}, 0, folder)
    assert made.value.problem in text
    return text


def test_a_folder_becomes_a_checkpoint_with_its_tensors(folder, whole, tmp_path, monkeypatch):
    before = {path.name: sha256(path) for path in folder.iterdir()}
    (folder / "pytorch_model.bin").write_bytes(b"a pickle beside safetensors is not looked at")
    monkeypatch.chdir(tmp_path)
    arguments = ["base", "--factory", "safelrm.models.folder", "--inputs", f"folder={folder}", "--seed", "0"]
    monkeypatch.setattr("sys.argv", [*arguments, "--manifest", "out/manifest.json", "--curve", "out/curve.parquet"])
    base.main()
    model = verified_model(Path("out/manifest.json"))
    expected, found = load_file(whole / "model.safetensors"), load_file(model / "model.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert (model / "chat_template.jinja").read_text() == CHAT_TEMPLATE
    if (folder / "model.safetensors").is_file():
        listed = json.loads(Path("out/manifest.json").read_text())["files"]
        assert listed["model.safetensors"] == before["model.safetensors"]
    (folder / "pytorch_model.bin").unlink()
    assert {path.name: sha256(path) for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("section", "stages", "wildcard"), [("models", "bases", "model"), ("guards", "guards", "guard")]
)
def test_its_files_are_inputs_of_the_job(folder, section, stages, wildcard):
    (folder / "pytorch_model.bin").touch()
    (folder / "README.md").touch()
    stage = getattr(Plan(study_with(folder, section)), stages)
    of = {"model": "nano_a", "guard": "guard_a"}
    names = {Path(path).name for path in stage.inputs(of)}
    assert {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} <= names
    weights = {path.name for path in folder.glob("model*.safetensors*")}
    assert weights <= names and not {"pytorch_model.bin", "README.md"} & names
    assert all(Path(path).parent == folder for path in stage.inputs(of))
    assert stage.named_inputs(of) == [f"folder={folder}"]
    assert stage.factory(of) == "safelrm.models.folder"


def test_state_of_other_weights_is_not_used(folder, tmp_path, monkeypatch):
    # links to outputs that Snakemake has not recorded are kept by the content of the inputs
    keys = []
    monkeypatch.setattr(base, "run_resumably", lambda stage, options, inputs, *_: keys.append({*inputs}))
    arguments = ["base", "--factory", "safelrm.models.folder", "--inputs", f"folder={folder}", "--seed", "0"]
    monkeypatch.setattr("sys.argv", [*arguments, "--manifest", "out/manifest.json", "--curve", "out/curve.parquet"])
    base.main()
    assert keys == [{path for path in folder.iterdir() if path.is_file()}]


def test_pickles_alone_are_refused(folder):
    for path in folder.glob("model*"):
        path.unlink()
    (folder / "pytorch_model-00001-of-00001.bin").touch()
    (folder / "optimizer.pt").touch()
    text = refused(folder)
    assert "optimizer.pt: pickled weights can run code" in text and "save_pretrained" in text


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, "there is no such folder"),
        (lambda folder: (folder / "config.json").unlink(), "config.json: cannot be read"),
        (lambda folder: (folder / "config.json").write_text("{,"), "config.json: is not JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config.json: is not a JSON object"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer"),
        (lambda folder: [path.unlink() for path in folder.glob("model*")], "has no weights"),
    ],
)
def test_a_missing_part_is_one_error(damage, said, folder):
    damage(folder)
    assert said in refused(folder)


@pytest.mark.parametrize("kept", [0, 5, -1])
def test_truncated_weights_are_named(folder, kept):
    weights = sorted(folder.glob("model*.safetensors"))[-1]
    weights.write_bytes(weights.read_bytes()[:kept])
    text = refused(folder)
    assert f"{weights.name}: the weights cannot be read" in text and "copy or fetch this file again" in text


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({}, "weight_map: lists no weights"),
        ({"weight_map": {"a": 3}}, "weight_map: lists no weights"),
        ({"weight_map": {"a": "model-00009-of-00009.safetensors"}}, "model-00009-of-00009.safetensors"),
        ({"weight_map": {"a": "../its folder/config.json"}}, "not in the folder"),
    ],
)
def test_a_wrong_index_is_named(index, said, sharded, tmp_path):
    folder = shutil.copytree(sharded, tmp_path / "model")
    (folder / INDEX).write_text(json.dumps(index))
    text = refused(folder)
    assert INDEX in text and said in text


def test_tensors_that_the_index_does_not_list_are_an_error(sharded, tmp_path):
    folder = shutil.copytree(sharded, tmp_path / "model")
    index = json.loads((folder / INDEX).read_text())
    del index["weight_map"]["lm_head.weight"]
    (folder / INDEX).write_text(json.dumps(index))
    model, _ = make(FolderSettings(), {"folder": folder}, 0, tmp_path)
    with pytest.raises(SafeLRMError, match=f"{INDEX}: the weights are not the ones"):
        model.save(tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "unheard"}, "model_type: the installed transformers does not know this architecture"),
        ({"architectures": ["Qwen3ForSequenceClassification"]}, "Qwen3ForSequenceClassification is no causal language"),
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "is no causal language model"),
    ],
)
def test_a_model_that_is_no_language_model_of_transformers_is_refused(changes, said, folder):
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    with pytest.raises(SafeLRMError) as caught:
        make(FolderSettings(), {"folder": folder}, 0, folder)
    text = str(caught.value)
    assert text.startswith(f"{config}: ") and said in text and "\n  fix: " in text


def test_a_missing_chat_template_is_named(folder):
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(SafeLRMError) as caught:
        make(FolderSettings(), {"folder": folder}, 0, folder)
    assert str(caught.value).startswith(f"{folder}: chat_template: the model has no chat template\n  fix: ")


def test_a_damaged_tokenizer_is_named(folder):
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(SafeLRMError) as caught:
        make(FolderSettings(), {"folder": folder}, 0, folder)
    assert str(folder) in str(caught.value) and "\n  fix: " in str(caught.value)


def test_a_relative_path_is_of_the_working_directory(whole, monkeypatch):
    monkeypatch.chdir(whole.parent)
    assert study_with(Path("model")).models["nano_a"].path == "model"


@pytest.mark.parametrize(
    ("chosen", "opening"),
    [(None, "<think>"), ("magistral", "[THINK]"), ({"open": "<plan>", "close": "</plan>"}, "<plan>")],
)
def test_a_model_has_the_trace_format_that_its_entry_names(whole, chosen, opening, tmp_path):
    model, _ = make(FolderSettings.model_validate({"trace_format": chosen}), {"folder": whole}, 0, tmp_path)
    assert trace_format_of(model.tokenizer).openings == (opening,)
    turn = user_turn("w1")
    asked = model.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    assert asked == "<|user|> w1 <|end|> <|assistant|>"


@pytest.mark.parametrize(
    "chosen", [{"open": "<a>"}, {"open": "<a>", "close": "<a>"}, {"open": " <a>", "close": "</a>"}, {"open": "#}"}]
)
def test_marks_that_cannot_be_told_apart_or_declared_are_refused(chosen):
    with pytest.raises(ValueError):
        FolderSettings.model_validate({"trace_format": chosen})


def test_a_trace_format_that_does_not_exist_is_refused_before_anything_runs(whole):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["models"]["nano_a"] = {"path": str(whole), "settings": {"trace_format": "mistral"}}
    with pytest.raises(SafeLRMError) as error:
        load_study(config, "config.yaml")
    assert "models.nano_a.settings" in str(error.value.file) and error.value.key.startswith("trace_format")
