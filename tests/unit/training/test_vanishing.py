"""A term of the reward that scores nothing does not stay unseen."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from training_fixtures import prompts

from safelrm.core.errors import SafeLRMError
from safelrm.inference.readings import GuardReading
from safelrm.inference.settings import GuardSettings
from safelrm.judging.guard import require_readable
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards.guard import RewardGuard
from safelrm.training.vanishing import PATIENCE, TermWatch, check_kinds

READING = GuardSettings(unsafe_label="unsafe", safe_label="safe", max_length=128)
SAFETY = RewardTerm(module="safelrm.training.rewards.safety", weight=1.0, guards=["g"])
CORRECTNESS = RewardTerm(module="safelrm.training.rewards.correctness", weight=1.0)


def guard(*readings):
    """A guard that was last read so; None is a text that is too long."""
    folder = Path("guards/g/model")
    return RewardGuard(None, 0.5, partial(require_readable, settings=READING, guard=folder), [*readings])


def steps(*entries, term=SAFETY, readings=(), steps=100, unread=None):
    """Watch a run whose steps have these shares of (scored, due); None is a step without prompts of the term."""
    watch, history = TermWatch([term], {"g": guard(*readings)}), []
    for number, entry in enumerate(entries, start=1):
        logs = {"loss": 0.1}
        if entry:
            logs |= {f"scored/{term.name}": entry[0], f"due/{term.name}": entry[1]}
        # in the last step
        logs |= {f"unread/{term.name}": unread} if unread is not None and number == len(entries) else {}
        history.append({**logs, "step": number})
        # a resumed run has another watch, and the whole history
        watch = TermWatch([term], {"g": guard(*readings)})
        watch.on_log(None, SimpleNamespace(log_history=history, global_step=number, max_steps=steps), None, logs)


SCORED, SILENT, CUT = (0.5, 1.0), (0.0, 0.5), (0.0, 0.0)


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        ([GuardReading(0.5, 0.1, "Yes"), None], "neither label.*mostly 'Yes'"),
        ([None, None], "all 2 texts are longer than 128 tokens"),
    ],
)
def test_a_guard_that_cannot_be_read_ends_the_run_as_a_judge_would(readings, message):
    with pytest.raises(SafeLRMError) as as_judge:
        require_readable(readings, READING, Path("guards/g/model"))
    with pytest.raises(SafeLRMError, match=f"step 1, .*`safety`.*`g`: .*{message}") as error:
        steps(SILENT, readings=readings)
    assert error.value.problem.endswith(as_judge.value.problem)
    found, wanted = error.value, as_judge.value
    assert (found.file, found.key, found.fix) == (wanted.file, wanted.key, wanted.fix)
    assert found.file == Path("guards/g/model") and found.key and found.fix


def test_a_probed_guard_that_cannot_be_read_ends_the_run_before_a_completion_has_ended():
    readings = [GuardReading(0.5, 0.1, "Yes")]
    steps(CUT, readings=readings, unread=0.5)
    with pytest.raises(SafeLRMError, match=r"step 1, .*`safety`.*`g`: the guard answers neither label"):
        steps(CUT, readings=readings, unread=1.0)
    # the first step after a run was resumed
    steps(SCORED, CUT, readings=readings, unread=1.0)


def test_a_silent_term_is_named_where_no_guard_says_why():
    with pytest.raises(SafeLRMError, match="step 1, the reward term `safety`, which reads `g`"):
        steps(SILENT, readings=[GuardReading(0.5, 0.9, "safe")])
    with pytest.raises(SafeLRMError, match="step 2, the reward term `correctness` has scored none"):
        steps(CUT, SILENT, term=CORRECTNESS)


def test_a_term_that_vanishes_later_ends_the_run_after_some_steps():
    steps(SCORED, *[SILENT] * (PATIENCE - 1), SCORED, *[SILENT] * (PATIENCE - 1))
    with pytest.raises(SafeLRMError, match=rf"step {PATIENCE + 3}, .*`safety`.*in {PATIENCE} step"):
        steps(SCORED, None, CUT, *[SILENT] * PATIENCE)


def test_without_finished_completions_there_is_a_warning(capsys):
    steps(SCORED, *[CUT] * (2 * PATIENCE))
    assert capsys.readouterr().out.count("warning: the reward term `safety` has scored nothing in the last") == 2


def test_a_term_that_has_never_scored_ends_the_run(capsys):
    steps(*[CUT] * (PATIENCE - 1), None, steps=PATIENCE)
    with pytest.raises(SafeLRMError, match="no completion ended with an answer") as error:
        steps(*[CUT] * PATIENCE)
    assert error.value.key == "max_completion_tokens"
    # nor does one in another format
    assert "trace_format" in error.value.fix
    assert "warning" not in capsys.readouterr().out


def test_a_short_run_without_a_score_ends_with_a_warning(capsys):
    steps(CUT, CUT, steps=2)
    assert "warning: the reward term `safety` has scored nothing in the last 2 steps" in capsys.readouterr().out


def test_steps_without_prompts_of_its_kinds_do_not_count(capsys):
    steps(*[None] * (3 * PATIENCE), SCORED, *[None] * (3 * PATIENCE))
    assert not capsys.readouterr().out


def test_a_term_without_prompts_of_its_kinds_is_refused():
    sums = prompts("reasoning", reference="7")
    check_kinds([SAFETY, CORRECTNESS], {"harm": prompts("harmful"), "sums": sums})
    with pytest.raises(SafeLRMError, match=r"`correctness` scores reasoning prompts, and \['harm'\] have none"):
        check_kinds([SAFETY, CORRECTNESS], {"harm": prompts("harmful")})
