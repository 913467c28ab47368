"""Probes of a policy while it is trained, for real on a tiny model: curves, answers, and the weights that are kept."""

import importlib
import itertools
import json
import sys

import pandas as pd
import probe_rewards
import pytest
import training_fixtures
from hypothesis import given
from hypothesis import strategies as st
from saving_fixtures import save_every
from training_fixtures import prompts, stage_arguments

from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUTS
from safelrm.models.schemas import CURVES
from safelrm.training.curves import CurveWatch
from safelrm.training.probe import best_step, probed_steps, probes_since_best, scores, start_probing
from safelrm.training.probing import drawn
from safelrm.training.reward_settings import ProbedPrompts, ProbingSettings
from safelrm.training.schemas import PROBED

# four steps of each, with random numbers in each pass
SETTINGS = {
    "sft": {
        "dataset": "d",
        "epochs": 1,
        "batch_size": 5,
        "learning_rate": 1e-2,
        "max_length": 64,
        "lora": {"rank": 4, "dropout": 0.1},
    },
    "rl": training_fixtures.RL | {"steps": 4},
}
PROBE = {
    "prompts": [{"dataset": "harm", "size": 3}, {"dataset": "sums"}],
    "rewards": [
        {"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["g"]},
        {"module": "probe_rewards", "weight": 2.0},
    ],
    "times": 2,
    "max_completion_tokens": 40,
    "temperature": 1.0,
    "batch_size": 5,
}
FALLING = [{"module": "probe_rewards", "weight": 1.0, "settings": {"falling": True}}]

PATIENT = {"rewards": FALLING, "keep": "best", "patience": 2, "times": 4}


@pytest.fixture
def run(inputs, tmp_path, monkeypatch, capsys):
    """Runs a stage in a folder of its own; the bytes of what it has written, by name, and the lines printed."""

    def run(stage, name="run", probe=None, asked=0, **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        probe_rewards.asked[:] = [0] * asked
        capsys.readouterr()
        settings = SETTINGS[stage] | changes | ({"probe": PROBE | probe} if probe is not None else {})
        arguments = stage_arguments(stage, inputs, settings)
        if stage == "sft":
            guards = {"g": training_fixtures.GUARD}
            arguments += ["--guards", f"g={inputs / 'manifest.json'}", "--readings", json.dumps(guards)]
        if probe is not None:
            arguments += ["--probe-prompts", *(f"{one}={inputs / one}.parquet" for one in ("harm", "sums"))]
        monkeypatch.setattr(sys, "argv", [stage, *arguments])
        importlib.import_module(f"safelrm.training.{stage}").main()
        return outputs(folder), capsys.readouterr().out.splitlines()

    return run


def outputs(folder):
    files = [*folder.glob("out/**/*"), *folder.glob("probes/**/*")]
    return {path.name: path.read_bytes() for path in sorted(files) if path.is_file()}


@pytest.mark.parametrize("stage", ["sft", "rl"])
def test_probes_are_recorded_and_change_nothing(stage, run, tmp_path):
    plain, _ = run(stage, "plain")
    probed, lines = run(stage, "probed", {})
    assert probed["model.safetensors"] == plain["model.safetensors"]
    assert lines[0].startswith("probe step0000")
    assert lines[-1].startswith("kept: step 4, score ")
    curve = CURVES.read(tmp_path / "probed/out/curve.parquet")
    assert [*curve[curve.metric == "probe_score"].step] == [0, 2, 4]
    assert "probe_safety" in set(curve.metric)
    at_end = curve[curve.step == 4].set_index("metric").value
    safety = at_end.get("probe_safety", 0.0) * at_end["probe_scored_safety"]
    assert at_end["probe_score"] == pytest.approx(safety + 2 * at_end["probe_probe_rewards"])
    trained = CURVES.read(tmp_path / "plain/out/curve.parquet")
    pd.testing.assert_frame_equal(curve[~curve.metric.str.startswith("probe_")].reset_index(drop=True), trained)
    rows = ROLLOUTS.read(tmp_path / f"probed/probes/m/{stage}/seed0.parquet")
    assert rows.groupby("benchmark").size().to_dict() == {"step0000": 8, "step0002": 8, "step0004": 8}
    assert set(rows.decoding) == {"default"}
    assert PROBED.read(tmp_path / f"plain/probes/m/{stage}/seed0.parquet", allow_empty=True).empty


def test_the_best_weights_become_the_checkpoint_also_of_a_run_that_goes_on(run, monkeypatch):
    # the learning rate is constant, so a run of two steps ends where the longer one was
    short, _ = run("rl", "short", steps=2)
    best, lines = run("rl", "best", {"rewards": FALLING, "keep": "best"})
    assert lines[-1] == "kept: step 2, score -2 (best of 2 probes)"
    assert best["model.safetensors"] == short["model.safetensors"]

    save_every(monkeypatch, 1)
    log = CurveWatch.on_log

    def on_log(self, args, state, control, **more):
        log(self, args, state, control, **more)
        if state.global_step == 3:
            raise RuntimeError("the machine is on fire")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(CurveWatch, "on_log", on_log)
        run("rl", "killed", {"rewards": FALLING, "keep": "best"})
    killed, more = run("rl", "killed", {"rewards": FALLING, "keep": "best"}, asked=2)
    assert more[0].startswith("going on from")
    assert not [line for line in more if line.startswith(("probe step0000", "probe step0002"))]
    assert killed == best
    assert more[-1] == lines[-1]


def test_a_training_ends_when_patience_does(run, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr("safelrm.training.policy.save_policy", full_disk)
        run("sft", probe=PATIENT)
    # what is left is to write the model, of the snapshot of the last step
    _, lines = run("sft", probe=PATIENT)
    assert lines[-1] == "kept: step 1, score -2 (best of 3 probes)"
    assert not [line for line in lines if line.startswith(("step", "probe"))]
    curve = CURVES.read(tmp_path / "run/out/curve.parquet")
    assert curve.step.max() == 3


def full_disk(*_):
    raise OSError("No space left on device")


def test_several_processes_cannot_be_probed(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    settings = ProbingSettings.model_validate(PROBE)
    with pytest.raises(SafeLRMError, match="several processes share this training") as caught:
        start_probing(None, None, settings, object(), {})
    assert caught.value.key == "probe"


def test_a_term_that_applies_to_no_probed_prompt_is_an_error(run):
    terms = [{"module": "safelrm.training.rewards.over_refusal", "weight": 1.0}]
    with pytest.raises(SafeLRMError, match="have none"):
        run("sft", probe={"rewards": terms})


@given(st.integers(1, 300), st.integers(1, 40))
def test_probes_are_spread_over_the_steps(steps, times):
    found = probed_steps(steps, times)
    assert found[0] == 0
    assert found[-1] == steps
    assert len(found) == min(steps, times) + 1
    gaps = {after - before for before, after in itertools.pairwise(found)}
    assert max(gaps) - min(gaps) <= 1


@given(st.lists(st.integers(-3, 3), max_size=12))
def test_the_first_of_the_highest_scores_is_the_best(values):
    history = [{"step": step, "probe_score": value} for step, value in enumerate(values)]
    counted = values[1:]
    best = best_step([{"step": 1, "loss": 1.0}, *history])
    assert best == (counted.index(max(counted)) + 1 if counted else 0)
    assert len(scores(history)) == len(counted)
    assert probes_since_best(history) == (len(counted) - best if counted else 0)


def test_fewer_prompts_are_a_part_of_more():
    table = prompts("harmful", size=9)
    few, more = (drawn(table, ProbedPrompts(dataset="a", size=size)) for size in (3, 5))
    assert {*few.prompt_id} < {*more.prompt_id}
    assert {*drawn(table, ProbedPrompts(dataset="b", size=5)).prompt_id} != {*more.prompt_id}
    with pytest.raises(SafeLRMError, match="ask 10 prompts of `a`, which has 9"):
        drawn(table, ProbedPrompts(dataset="a", size=10))
