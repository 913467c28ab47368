"""Training that is killed goes on where it was, and ends in the same bytes: the stages sft and rl for real."""

import errno
import functools
import importlib
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest
import training_fixtures
from saving_fixtures import SITE, save_every
from training_fixtures import stage_arguments

from safelrm.core.saving import SAVE_MINUTES
from safelrm.core.snapshots import newest_step
from safelrm.training.curves import CurveWatch
from warm_python import warm_python

WORKFLOW = Path(__file__).parents[3] / "workflow"
# 32 steps each: of two batches; and two on each batch of rollouts, itself of two passes
SFT = {
    "dataset": "d",
    "epochs": 8,
    "batch_size": 3,
    "gradient_accumulation": 2,
    "learning_rate": 1e-2,
    "max_length": 64,
}
DPO = SFT | {"candidates": "c", "min_margin": 0.5, "epochs": 16}
DPO.pop("dataset")
RL = training_fixtures.RL | {"steps": 32, "micro_batches": 2}
SETTINGS = {"sft": SFT, "dpo": DPO, "rl": RL}
# with updates of low rank, random numbers in each pass, and more outputs
LORA = {"lora": {"rank": 4, "dropout": 0.1, "keep_adapter": True}}


@pytest.fixture(scope="module")
def whole(inputs, tmp_path_factory):
    """What a run writes that nothing interrupts, and the lines that it prints, of settings as JSON."""

    @functools.cache
    def run(stage, changes):
        folder, printed = tmp_path_factory.mktemp("whole"), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
            patch.chdir(folder)
            patch.setenv(SAVE_MINUTES, "100")
            run_here(patch, stage, inputs, **json.loads(changes))
        return outputs(folder), printed.getvalue().splitlines()

    return lambda stage, changes: run(stage, json.dumps(changes))


def run_here(patch, stage, inputs, **changes):
    patch.setattr(sys, "argv", [stage, *stage_arguments(stage, inputs, SETTINGS[stage] | changes)])
    importlib.import_module(f"safelrm.training.{stage}").main()


def outputs(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("out/**/*")) if path.is_file()}


def kill_after(line, stage, arguments, folder):
    """Start a run and kill it as soon as it has printed such a line."""
    code = f"{SITE}\nfrom safelrm.training import {stage}\n{stage}.main()"
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW)}
    command = [warm_python(), "-c", code, *arguments]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for printed in process.stdout:
            if printed.startswith(line):
                process.kill()
                # until it is gone
                process.stdout.read()
                return
    raise AssertionError(f"ended with {process.returncode} before {line}")


# at every fifth step; and at every fourth, since two steps make one look
@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize(("stage", "looks"), [("sft", 5), ("rl", 2)])
def test_a_killed_run_ends_in_the_same_bytes(stage, looks, lora, inputs, whole, tmp_path, monkeypatch, capsys):
    save_every(monkeypatch, looks)
    settings = SETTINGS[stage] | (LORA if lora else {})
    kill_after("step 12/32", stage, stage_arguments(stage, inputs, settings), tmp_path)
    assert not outputs(tmp_path)
    (state,) = (path for path in tmp_path.glob(f"work/{stage}/*/*") if path.is_dir())
    step = newest_step(state)
    # a save may have been cut short
    assert 8 <= step < 32
    monkeypatch.chdir(tmp_path)
    run_here(monkeypatch, stage, inputs, **settings)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("going on from")
    assert lines[1].startswith(f"step {step + 1}/32")
    assert outputs(tmp_path) == whole(stage, LORA if lora else {})[0]
    assert ("adapter_model.safetensors" in outputs(tmp_path)) is lora
    assert not list(tmp_path.glob("work/*/*/*/checkpoint-*"))


@contextmanager
def at(step, event):
    """Let runs in this process meet an event when they log a step."""
    log = CurveWatch.on_log

    def on_log(self, args, state, control, **more):
        log(self, args, state, control, **more)
        if state.global_step == step:
            event()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CurveWatch, "on_log", on_log)
        yield


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def fail():
    raise RuntimeError("the machine is on fire")


@pytest.mark.parametrize(("stage", "sent", "saved"), [("sft", 8, 9), ("dpo", 8, 9), ("rl", 8, 10), ("rl", 9, 10)])
def test_a_terminated_run_saves_what_it_has_first(stage, sent, saved, inputs, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    with at(sent, terminate), pytest.raises(SystemExit) as ended:
        run_here(monkeypatch, stage, inputs)
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    assert f"step {saved}/32" in capsys.readouterr().out.splitlines()[-1]
    run_here(monkeypatch, stage, inputs)
    assert f"step {saved + 1}/32" in capsys.readouterr().out
    assert outputs(tmp_path) == whole(stage, {})[0]


def test_a_resumed_run_goes_on_with_the_rows_of_its_epoch(inputs, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_every(monkeypatch, 5)
    # an epoch has four steps: the run goes on after the second of its third epoch
    changes = {"batching": "by_length"}
    with at(11, fail), pytest.raises(RuntimeError):
        run_here(monkeypatch, "sft", inputs, **changes)
    run_here(monkeypatch, "sft", inputs, **changes)
    assert "checkpoint-" in capsys.readouterr().out
    assert outputs(tmp_path) == whole("sft", changes)[0]


def test_a_damaged_state_is_dropped(inputs, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_every(monkeypatch, 4)
    with at(9, fail), pytest.raises(RuntimeError):
        run_here(monkeypatch, "sft", inputs)
    (optimiser,) = tmp_path.glob("work/sft/*/*/checkpoint-8/optimizer.pt")
    damaged = bytearray(optimiser.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    optimiser.write_bytes(damaged)
    run_here(monkeypatch, "sft", inputs)
    printed = capsys.readouterr()
    assert "checkpoint-8: its files are not those that were written" in printed.err
    assert "going on" not in printed.out
    assert outputs(tmp_path) == whole("sft", {})[0]


def test_state_of_other_settings_is_not_used(inputs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_every(monkeypatch, 4)
    with at(5, fail), pytest.raises(RuntimeError):
        run_here(monkeypatch, "sft", inputs)
    with at(1, fail), pytest.raises(RuntimeError):
        run_here(monkeypatch, "sft", inputs, learning_rate=2e-2)
    assert "going on" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("stage", "changes"),
    [("sft", {}), ("sft", {"epochs": 2.5}), ("rl", {}), ("rl", {"steps": 7}), ("sft", LORA), ("rl", LORA)],
)
def test_a_run_that_could_not_write_its_model_does_not_train_again(
    stage, changes, inputs, whole, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    expected, steps = whole(stage, changes)
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr("safelrm.training.policy.save_policy", full_disk)
        run_here(patch, stage, inputs, **changes)
    assert capsys.readouterr().out.splitlines() == steps
    run_here(monkeypatch, stage, inputs, **changes)
    assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith("step")]
    assert outputs(tmp_path) == expected


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")
