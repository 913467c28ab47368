"""When transformers' Trainer saves its state and stops: by the clock, at SIGTERM and at the end."""

import pytest
import training_fixtures  # noqa: F401  (it sets the environment of the training libraries)
from transformers import TrainerControl, TrainerState, TrainingArguments

from safelrm.core import saving
from safelrm.core.snapshots import newest_step, snapshot_path
from safelrm.training import resuming
from safelrm.training.resuming import StateKeeper


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Take the steps of a training on a clock of its own."""

    def train(steps: int, *, seconds: float, multiple: int = 1, terminated_at: int = 0) -> tuple[list[int], int]:
        now, state, control = 0.0, TrainerState(max_steps=steps), TrainerControl()
        monkeypatch.setattr(saving, "monotonic", lambda: now)
        args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
        keeper = StateKeeper(multiple, lambda: bool(terminated_at) and state.global_step >= terminated_at)
        # loading takes time that is not the first step's
        now += 1000.0
        keeper.on_train_begin(args, state, control)
        saves = []
        while state.global_step < steps and not control.should_training_stop:
            state.global_step += 1
            control.should_save = False
            now += seconds
            keeper.on_step_end(args, state, control)
            if control.should_save:
                snapshot_path(tmp_path, state.global_step).mkdir()
                now += 1000.0
                keeper.on_save(args, state, control)
                assert newest_step(tmp_path) == state.global_step
                saves.append(state.global_step)
        return saves, state.global_step

    return train


def test_a_state_is_saved_before_five_minutes_are_lost(train):
    assert train(27, seconds=45.0) == ([6, 12, 18, 24, 27], 27)


def test_fast_trainings_save_their_last_step_alone(train):
    assert train(9, seconds=1.0) == ([9], 9)


@pytest.mark.parametrize(
    ("multiple", "saves"),
    # pairs of 90 seconds: a fourth would end after 360; groups of 180, of 360
    [(2, [6, 12, 18, 19]), (4, [4, 8, 12, 16, 19]), (8, [8, 16, 19])],
)
def test_steps_that_belong_together_are_saved_together(multiple, saves, train):
    assert train(19, seconds=45.0, multiple=multiple) == (saves, 19)


@pytest.mark.parametrize(("multiple", "end"), [(1, 4), (3, 6), (5, 5)])
def test_a_training_that_is_told_to_stop_saves_and_stops(multiple, end, train):
    assert train(19, seconds=1.0, multiple=multiple, terminated_at=4) == ([end], end)


@pytest.mark.parametrize(("others", "saves", "end"), [(0, [9], 9), (1, [1, 2, 3, 4, 5, 6, 7, 8, 9], 9), (2, [1], 1)])
def test_a_process_does_what_any_process_wishes(others, saves, end, train, monkeypatch):
    asked = []

    def greatest(value, _device):
        asked.append(value)
        return max(value, others)

    monkeypatch.setattr(resuming, "greatest", greatest)
    assert train(9, seconds=1.0) == (saves, end)
    # once after each step, and twice with each save
    assert len(asked) == end + 2 * len(saves)
