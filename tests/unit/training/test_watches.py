"""What a watch makes of TRL's log: a sampler that drifts, a run that learns nothing, and the tokens so far."""

from types import SimpleNamespace

import pytest
import training_fixtures  # noqa: F401  (it sets the environment of the training libraries)

from safelrm.core.errors import SafeLRMError
from safelrm.training.counts import TokenCount
from safelrm.training.drift import DRIFT, DriftWatch
from safelrm.training.idleness import CUT, EQUAL_GROUPS, LONGEST, IdleWatch


def watch(callback, *entries, completions=4):
    """Show a callback the log of a run, step by step; the whole log."""
    history = []
    for step, entry in enumerate(entries, start=1):
        logs = {"loss": 0.1, **entry}
        history.append({**logs, "step": step})
        state = SimpleNamespace(log_history=history, global_step=step, max_steps=len(entries))
        callback.on_log(SimpleNamespace(generation_batch_size=completions), state, None, logs=logs)
    return history


def drifts(*values):
    return [{} if value is None else {DRIFT: value} for value in values]


def test_a_sampler_that_drifts_ends_the_run():
    # one bad batch is chance, and a step without rollouts says nothing
    watch(DriftWatch(0.2), *drifts(0.1, 0.9, 0.9, 0.2, 0.3, 0.3))
    with pytest.raises(SafeLRMError, match=r"step 5: .* differ by 0.4 nats per token .* more than 0.2") as error:
        watch(DriftWatch(0.2), *drifts(0.1, 0.3, 0.4, None, 0.5, 0.1))
    assert error.value.key == "vllm.max_logprob_drift"
    for named in ("precision", "learning_rate", "vllm.correction"):
        assert named in error.value.fix


def test_without_vllm_there_is_nothing_to_watch():
    watch(DriftWatch(0.2), *drifts(None, None, None, None))


def batch(equal, longest=9.0, cut=0.5):
    return {EQUAL_GROUPS: equal, LONGEST: longest, CUT: cut}


def test_equal_rewards_in_every_group_warn_and_end_the_run(capsys):
    with pytest.raises(SafeLRMError, match=r"step 13: every group .* last 12 batches .* learns nothing") as error:
        watch(IdleWatch(12), batch(0.9), *[batch(1.0)] * 20)
    assert error.value.key == "max_idle_batches"
    assert "prompt_filter" in error.value.fix
    assert capsys.readouterr().out.count("warning: step 11: every group has earned equal rewards") == 1


def test_a_group_that_differs_begins_the_count_anew():
    watch(IdleWatch(3), *[batch(1.0), {}, batch(1.0), {}, batch(0.5)] * 3)


def test_a_run_may_go_on_without_learning(capsys):
    watch(IdleWatch(None), *[batch(1.0)] * 25)
    assert capsys.readouterr().out.count("warning") == 2


def test_a_policy_that_ends_its_turn_at_once_ends_the_run():
    empty = batch(1.0, longest=1.0, cut=0.0)
    # the limit may be one token
    watch(IdleWatch(None), empty, empty, batch(1.0), empty, empty, *[batch(1.0, longest=1.0, cut=0.5)] * 4)
    with pytest.raises(SafeLRMError, match=r"step 4: every completion of the last 3 batches of rollouts is empty"):
        watch(IdleWatch(None), batch(0.5), empty, empty, empty)


def test_tokens_are_counted_once_in_each_step_on_a_batch():
    # two steps on each batch: of 4 x 5 tokens with prompts of 10 together, then of 4 x 2.5
    new = [{"num_tokens": 30, "completions/mean_length": 5.0}, {"num_tokens": 50, "completions/mean_length": 2.5}]
    history = watch(TokenCount(100), new[0], {}, new[1], {})
    assert [entry["tokens_sampled"] for entry in history] == [120, 120, 130, 130]
    assert [entry["tokens_trained"] for entry in history] == [30, 60, 80, 100]


def test_the_line_at_the_end_of_the_log_is_no_step():
    entry = {"train_runtime": 1.0}
    state = SimpleNamespace(log_history=[entry], global_step=1, max_steps=1)
    TokenCount().on_log(SimpleNamespace(generation_batch_size=4), state, None, logs=dict(entry))
    assert state.log_history == [entry]
