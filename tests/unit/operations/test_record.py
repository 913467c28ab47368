"""The record beside the log of a training."""

import json
import os
import signal
from pathlib import Path

import pandas as pd
import pytest

from safelrm.core.checkpoints import MODEL_FILES, write_manifest
from safelrm.core.files import sha256
from safelrm.core.work import ENDED
from safelrm.models.schemas import CURVES
from safelrm.operations.machine import commit, cpu_model
from safelrm.operations.record import options_of, record_path, recorded, without_secrets

STAGE = "safelrm.training.sft"
BASE = Path("checkpoints/nano_a/base/seed0/manifest.json")
MANIFEST, CURVE = (
    Path("checkpoints/nano_a/sft-x/seed1/manifest.json"),
    Path("results/training/nano_a/sft-x/seed1.parquet"),
)
RECORD = Path("logs/sft/nano_a/x/seed1.json")
DATA = Path("data/d.parquet")
STATE = Path("work/sft/checkpoints+nano_a+sft-x+seed1+manifest.json/0123")
ARGUMENTS = ["--settings", '{"learning_rate":0.1,"hub_token":"hf_x"}', "--checkpoint", str(BASE), "--data", f"d={DATA}"]
ARGUMENTS += ["--seed", "1", "--code", "12e345678901234", "--manifest", str(MANIFEST), "--curve", str(CURVE)]


def model(manifest: Path) -> None:
    for name in MODEL_FILES:
        path = manifest.parent / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    write_manifest(manifest)


def curve(path: Path) -> None:
    counts = {"loss": [2.0, 1.0], "tokens_trained": [10.0, 20.0], "tokens_sampled": [5.0, 7.0]}
    rows = [(step, name, value) for name, values in counts.items() for step, value in enumerate(values, 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    CURVES.write(path, pd.DataFrame(rows, columns=CURVES.schema.names))


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
    model(BASE)
    curve(DATA)


def train() -> None:
    model(MANIFEST)
    curve(CURVE)


def record() -> dict:
    return json.loads(RECORD.read_text())


def run(job=train) -> dict:
    with recorded(STAGE, ARGUMENTS, 0, 1, 2):
        job()
    return record()


def test_a_training_leaves_what_ran_on_what_and_for_how_long():
    said = run()
    assert said["stage"] == STAGE
    assert said["status"] == "finished"
    assert said["arguments"]["settings"]["learning_rate"] == 0.1
    assert (said["arguments"]["seed"], said["arguments"]["code"]) == ("1", "12e345678901234")
    assert said["inputs"] == {str(path): sha256(path) for path in (BASE, DATA)}
    assert said["seals"][str(DATA)].startswith("6 ")
    assert said["outputs"] == {str(path): sha256(path) for path in (MANIFEST, CURVE)}
    assert (said["tokens_trained"], said["tokens_sampled"]) == (20, 7)
    assert {"python", "torch", "transformers", "trl"} <= said["versions"].keys()
    assert said["hardware"]["cores_of_job"] == 2
    assert said["hardware"]["cpu"]
    assert said["seconds"] >= 0
    assert said["peak_memory_mib"] > 0
    assert not said["resumed"]


def test_a_record_has_no_secrets():
    run()
    assert "hf_" not in RECORD.read_text()
    assert without_secrets([{"api_key": "k", "pad_token": "p"}]) == [{"api_key": "(left out)", "pad_token": "p"}]


def test_a_running_or_killed_job_has_a_record_without_an_end():
    def look() -> None:
        assert record()["status"] == "running"
        assert "ended" not in record()

    run(look)


@pytest.mark.parametrize(
    ("code", "status"), [(1, "failed"), (128 + signal.SIGTERM, "terminated"), (0, "finished"), (None, "finished")]
)
def test_how_a_job_ended_is_said(code, status):
    def end() -> None:
        raise SystemExit(code)

    with pytest.raises(SystemExit):
        run(end)
    assert record()["status"] == status
    assert "tokens_trained" not in record()


def test_a_crash_is_a_failure():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)
    assert record()["status"] == "failed"


def test_a_resumed_training_names_the_runs_before_it():
    def killed() -> None:
        (STATE / "state").mkdir(parents=True)
        raise SystemExit(128 + signal.SIGTERM)

    with pytest.raises(SystemExit):
        run(killed)
    first = record()
    said = run()
    assert said["resumed"]
    assert said["earlier_runs"] == [{key: first[key] for key in ("status", "started", "ended", "seconds")}]


def test_a_training_that_only_links_its_outputs_back_keeps_its_record():
    def ended() -> None:
        train()
        (STATE / ENDED).mkdir(parents=True)

    first = run(ended)
    assert run() == first


def test_a_record_that_cannot_be_written_fails_no_training(capsys):
    Path("logs").write_text("a file where the folder should be")
    with recorded(STAGE, ARGUMENTS, 0, 1, 1):
        train()
    assert "cannot be written" in capsys.readouterr().err


def test_a_model_that_is_taken_and_not_trained_has_no_tokens():
    with recorded(STAGE, ARGUMENTS, gpus=0, nodes=1, cores=1):
        model(MANIFEST)
        CURVE.parent.mkdir(parents=True, exist_ok=True)
        CURVES.write(CURVE, pd.DataFrame(columns=CURVES.schema.names), allow_empty=True)
    assert record()["status"] == "finished"
    assert "tokens_trained" not in json.dumps(record())


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ("checkpoints/nano_a/rl-grpo-from-sft-x/seed2/manifest.json", "logs/rl/nano_a/grpo-from-sft-x/seed2.json"),
        ("checkpoints/nano_a/base/seed0/manifest.json", "logs/base/nano_a.json"),
        ("checkpoints/guards/guard_a/manifest.json", "logs/guard/guard_a.json"),
        ("somewhere/manifest.json", None),
        ("/checkpoints/nano_a/rl-grpo/seed2/manifest.json", None),
    ],
)
def test_where_a_record_lies(manifest, expected):
    assert record_path(Path(manifest)) == (expected and Path(expected))


def test_options_have_all_their_values():
    assert options_of(["--data", "a=b", "c=d", "--flag", "--seed", "1"]) == {
        "data": ["a=b", "c=d"],
        "flag": [],
        "seed": ["1"],
    }


def test_what_a_machine_does_not_tell_is_left_out(tmp_path, monkeypatch):
    assert commit(tmp_path) == {}
    assert cpu_model(tmp_path / "none")
    monkeypatch.setitem(os.environ, "PATH", "")
    assert commit(tmp_path) == {}
