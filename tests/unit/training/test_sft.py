"""Supervised fine-tuning, for real on a tiny model."""

import json
import sys

import pytest
import torch
from tiny_model import write_tiny_model
from training_fixtures import TEMPLATE, conversations, run_paths, stage_arguments, written
from transformers import AutoModelForCausalLM

from safelrm.core.checkpoints import write_manifest
from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import CONVERSATIONS
from safelrm.models.schemas import CURVES
from safelrm.training.policy import load_policy, save_policy
from safelrm.training.settings import SftSettings
from safelrm.training.sft import main
from safelrm.training.supervised import METRICS, train

SETTINGS = {"dataset": "d", "epochs": 2, "batch_size": 3, "learning_rate": 1e-2, "max_length": 64}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("base"), chat_template=TEMPLATE)


@pytest.fixture
def fit(base, tmp_path):
    def fit(name="run", *, rows=None, seed=0, checkpoint=base, **changes):
        paths = run_paths(tmp_path, name)
        train(
            conversations() if rows is None else rows,
            SftSettings.model_validate(SETTINGS | changes),
            checkpoint=checkpoint,
            seed=seed,
            **paths,
        )
        return paths["manifest"]

    return fit


def test_two_runs_are_byte_equal_and_the_seed_matters(fit, base):
    first, second, other = fit("a"), fit("b"), fit("c", seed=1)
    assert written(first) == written(second)
    assert written(first)["model.safetensors"] != written(other)["model.safetensors"]
    assert written(first)["model.safetensors"] != written(base)["model.safetensors"]


def test_a_checkpoint_holds_the_model_and_nothing_else(fit, base):
    manifest = fit()
    assert set(written(manifest)) == set(written(base))
    assert [path.name for path in sorted(manifest.parent.iterdir())] == ["manifest.json", "model"]
    config = json.loads((manifest.parent / "model/config.json").read_text())
    assert config == json.loads((base.parent / "model/config.json").read_text())


def test_training_learns_and_records_its_curve(fit, tmp_path, capsys):
    fit(epochs=30)
    curve = CURVES.read(tmp_path / "run.parquet")
    assert set(curve["metric"]) == {*METRICS.values()}
    loss = curve[curve["metric"] == "loss"].set_index("step")["value"]
    assert list(loss.index) == list(range(1, 61))
    assert loss.iloc[-1] < loss.iloc[0] / 4
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 60
    assert lines[0].startswith("step 1/60  loss ")


def test_a_long_row_is_named(fit, tmp_path):
    rows = conversations()
    rows.loc[4, "response"] = "<think> " + "w1 " * 80 + "</think> w2"
    with pytest.raises(SafeLRMError, match=r"max_length.*p4"):
        fit(rows=rows)
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_diverging_run_stops_and_leaves_nothing(fit, tmp_path):
    with pytest.raises(SafeLRMError, match="diverged") as error:
        fit(learning_rate=1e30, warmup=0.0, max_gradient_norm=1e30)
    assert error.value.key == "learning_rate"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_empty_data_set_is_refused(fit, tmp_path):
    with pytest.raises(SafeLRMError, match="no rows to train on") as error:
        fit(rows=conversations().head(0))
    assert error.value.key == "dataset"
    assert not list(tmp_path.iterdir())


def test_a_batch_that_processes_cannot_share_is_refused(fit, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SafeLRMError, match="1 passes of 3 sequences cannot be shared by 2 processes") as error:
        fit()
    assert error.value.key == "gradient_accumulation and batch_size"
    assert not list(tmp_path.iterdir())


def test_the_dtype_of_the_checkpoint_is_kept(base, tmp_path):
    policy = load_policy(base)
    policy.model.to(torch.bfloat16).save_pretrained(tmp_path / "half/model")
    policy.tokenizer.save_pretrained(tmp_path / "half/model")
    write_manifest(tmp_path / "half/manifest.json")
    loaded = load_policy(tmp_path / "half/manifest.json")
    assert loaded.model.dtype == torch.float32
    save_policy(loaded, loaded.model.state_dict(), tmp_path / "again/manifest.json")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "again/model").dtype == torch.bfloat16


def test_the_command_line_refuses_bad_settings(tmp_path, monkeypatch, capsys):
    CONVERSATIONS.write(tmp_path / "data.parquet", conversations())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sft", *stage_arguments("sft", tmp_path, SETTINGS | {"epoch": 1})])
    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 1
    assert "epoch" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
