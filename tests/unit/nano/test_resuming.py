"""Training in the factory that is killed goes on where it was, and ends in the same bytes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pretraining_fixtures import LABELS, SETTINGS, TINY, TOKENIZER, optimisation
from saving_fixtures import SITE, save_every

from safelrm.core.seeds import seed_everything
from safelrm.models import guard
from safelrm.nano.pretraining import loop
from safelrm.nano.pretraining.examples import encode_texts
from safelrm.nano.pretraining.models import new_model
from safelrm.nano.settings import Phase, ProbeSettings
from safelrm.nano.sources import corpus as world_corpus
from safelrm.nano.sources import guard_labels as world_guard_labels
from warm_python import warm_python

WORKFLOW = Path(__file__).parents[3] / "workflow"
POOLS = {kind: encode_texts(TOKENIZER, [f"the {kind} is {n} ." for n in range(9)]) for kind in ("glim", "rope", "pool")}
PHASES = [
    # ended by the probe at step 6, by its steps at step 11, by its cap or three passes in a row
    Phase(steps=50, mixture={"glim": 1.0}, until=["skill"]),
    Phase(steps=5, mixture={"glim": 1.0, "rope": 1.0}),
    Phase(steps=30, mixture={"rope": 1.0, "pool": 2.0}),
]


class Killed(BaseException):
    """Stands for the end of the process."""


class ProbeOfSteps:
    """A probe that passes according to the step, and may meet an event there."""

    def __init__(self, passing, event_at=None, event=None):
        self.passing, self.event_at, self.event = passing, event_at, event

    def watch(self, training, batch):
        original(training, batch)
        self.step = training.progress.step
        if self.step == self.event_at:
            self.event()

    def __call__(self, _model, _measures):
        # the curve shows the random numbers of the process too
        return {"skill": (self.step in self.passing) + torch.rand(()).item() / 10}


original = loop.Training.take_step


def kill():
    raise Killed


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def run(monkeypatch, work, event_at=None, event=None, passing=(6, 12, 16, 18, 20)):
    probe = ProbeOfSteps(passing, event_at, event)

    def take_step(training, batch):
        probe.watch(training, batch)

    monkeypatch.setattr(loop.Training, "take_step", take_step)
    seed_everything(0)
    model = new_model(TINY, TOKENIZER)
    # both optimisers have a state
    settings = optimisation(phases=PHASES, learning_rate=1e-2, muon_learning_rate=1e-2)
    model, curve = loop.train(
        model, POOLS, settings, ProbeSettings(every=2, first_step=12, passes=3), probe, seed=0, work=work
    )
    return [weight.tolist() for weight in model.parameters()], curve.to_dict("list")


# before the first save, within each phase, at its ends, at a save, after a probe that passed
@pytest.mark.parametrize("killed", [2, 4, 5, 6, 7, 11, 12, 13, 17, 20])
def test_a_killed_run_ends_the_same(killed, tmp_path, monkeypatch, capsys):
    save_every(monkeypatch, 3)
    whole = run(monkeypatch, tmp_path / "whole")
    assert whole[1]["step"][-1] == 20
    for step in (killed, killed + 1):
        if step <= 20:
            with pytest.raises(Killed):
                run(monkeypatch, tmp_path / "killed", step, kill)
    assert run(monkeypatch, tmp_path / "killed") == whole
    assert ("going on" in capsys.readouterr().out) is (killed > 2)


def test_a_finished_run_is_finished(tmp_path, monkeypatch):
    whole = run(monkeypatch, tmp_path / "work")
    assert run(monkeypatch, tmp_path / "work", 20, kill) == whole


def test_a_terminated_run_finishes_its_step_and_saves(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, tmp_path / "terminated", 13, terminate)
    assert ended.value.code == 128 + signal.SIGTERM
    assert [path.name for path in (tmp_path / "terminated").iterdir()] == ["checkpoint-13"]
    assert run(monkeypatch, tmp_path / "terminated") == run(monkeypatch, tmp_path / "whole")


def test_a_damaged_state_is_dropped(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, tmp_path / "work", 13, terminate)
    (tmp_path / "work/checkpoint-13/progress.json").write_text("{}")
    assert run(monkeypatch, tmp_path / "work") == run(monkeypatch, tmp_path / "whole")
    assert "checkpoint-13: its files are not" in capsys.readouterr().err


# kills itself at the seventh step of its second training
GUARD = (
    SITE
    + """
import signal
from safelrm.models import guard
from safelrm.nano.pretraining import loop

os.environ[saving.SAVE_MINUTES] = "3"
take_step = loop.Training.take_step

def kill(training, batch):
    take_step(training, batch)
    if training.progress.step == 7 and len(training.settings.phases[0].mixture) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

loop.Training.take_step = kill
guard.main()
"""
)


def test_a_killed_guard_goes_on_in_its_second_training(tmp_path, monkeypatch, capsys):
    corpus = world_corpus.Settings(copying=9, steps=9, facts=9, rulings=9, problems=9, requests=9, seed=0)
    world_corpus.TABLE.write(tmp_path / "corpus.parquet", world_corpus.load(corpus))
    world_guard_labels.TABLE.write(tmp_path / "labels.parquet", LABELS)
    arguments = ["--settings", json.dumps(SETTINGS), "--seed", "0", "--code", "abc"]
    arguments += ["--factory", "safelrm.nano.pretraining.guard"]
    arguments += ["--inputs", "corpus=../corpus.parquet", "labels=../labels.parquet"]
    arguments += ["--manifest", "manifest.json", "--curve", "curve.parquet"]
    written = {}
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        if name == "killed":
            command = [warm_python(), "-c", GUARD, *arguments]
            done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(WORKFLOW)}, check=False)
            assert done.returncode == 128 + signal.SIGKILL
            assert not Path("manifest.json").exists()
            capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["guard", *arguments])
        guard.main()
        written[name] = [Path(file).read_bytes() for file in ("manifest.json", "curve.parquet")]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("going on")]
    assert [line.rpartition("/")[2] for line in lines] == ["checkpoint-20", "checkpoint-6"]
    assert written["killed"] == written["whole"]
    assert not list(Path("work").glob("*/*/*/facts"))
