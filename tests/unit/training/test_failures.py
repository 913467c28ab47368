"""What a user can mend is one error that says how: memory that does not suffice, a term of the reward that crashes."""

import argparse

import pytest
import torch
from training_fixtures import RL

from safelrm.core import work
from safelrm.core.errors import SafeLRMError
from safelrm.training.command import run_training
from safelrm.training.failures import memory_advice, naming_term
from safelrm.training.memory import advice
from safelrm.training.settings import RewardTerm, RlSettings

SETTINGS = RlSettings.model_validate(RL | {"steps": 1})
TERM = RewardTerm(module="safelrm.training.rewards.safety", weight=1.0, guards=["g", "h"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has …"), "CUDA out of memory"),
        (
            RuntimeError("[enforce fail] err == 0. DefaultCPUAllocator: can't allocate memory: you tried. Error 12"),
            "memory: DefaultCPUAllocator: can't allocate memory: you tried",
        ),
        (MemoryError(), "memory does not suffice"),
    ],
)
def test_a_training_that_runs_out_of_memory_says_what_to_try_next(error, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(work, "ROOT", tmp_path / "work")
    options = argparse.Namespace(
        checkpoint=tmp_path / "base.json",
        seed=1,
        manifest=tmp_path / "run/manifest.json",
        curve=tmp_path / "curve.parquet",
        probes=tmp_path / "probes.parquet",
    )
    options.checkpoint.write_text("{}")

    def train(folder, **_):
        # a state of an earlier step
        (folder / "kept").write_text("state")
        raise error

    with pytest.raises(SafeLRMError, match="training ran out of memory") as found:
        run_training("rl", options, [], SETTINGS, train)
    assert found.value.problem.endswith(said)
    assert found.value.fix == advice(SETTINGS)
    # the error of a command is one message, so the rest is written to the log before
    assert "Traceback" in capsys.readouterr().err
    assert [path.read_text() for path in (tmp_path / "work").rglob("kept")] == ["state"]
    assert not options.manifest.exists()


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shape"), memory_advice(SETTINGS):
        raise RuntimeError("shape mismatch")


def test_a_term_that_crashes_is_named_with_its_guards(capsys):
    def safety(prompts):
        raise KeyError(prompts)

    named = naming_term(TERM, safety)
    assert named.__name__ == "safety"
    with pytest.raises(SafeLRMError, match=r"`safety`, which reads `g` and `h`, has failed: KeyError: 7") as error:
        named(prompts=7)
    assert error.value.file == TERM.module
    assert "run again" in error.value.fix
    assert "in safety" in capsys.readouterr().err


def test_a_term_may_say_itself_what_is_wrong_and_memory_is_no_fault_of_a_term():
    for raised in (SafeLRMError("no reference", fix="give one"), torch.OutOfMemoryError("CUDA out of memory.")):

        def fails(error=raised):
            raise error

        with pytest.raises(type(raised)) as found:
            naming_term(TERM, fails)()
        assert found.value is raised
