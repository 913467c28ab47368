"""A killed training loses at most the minutes that the study says."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core import saving
from safelrm.core.saving import SAVE_MINUTES, SaveClock


class Training:
    """Steps on a clock of its own, and what a kill would lose."""

    def __init__(self, patch: pytest.MonkeyPatch, *, minutes: float | None = None, saving_takes: float = 0.0) -> None:
        self.now, self._saving_takes = 0.0, saving_takes
        patch.setattr(saving, "monotonic", lambda: self.now)
        if minutes is not None:
            patch.setenv(SAVE_MINUTES, str(minutes))
        self._clock = SaveClock()

    def run(self, steps: Sequence[float]) -> list[tuple[int, float]]:
        """The steps at which the state is saved, each with the seconds of work since the one before."""
        saves, began = [], self.now
        for step, seconds in enumerate(steps, 1):
            self.now += seconds
            if self._clock.is_due():
                saves.append((step, self.now - began))
                self.now += self._saving_takes
                self._clock.restart()
                began = self.now
        return saves


def test_at_45_seconds_a_step_five_minutes_are_never_lost(monkeypatch):
    saves = Training(monkeypatch).run([45.0] * 27)
    # a seventh step would have ended after 315 seconds
    assert saves == [(6, 270.0), (12, 270.0), (18, 270.0), (24, 270.0)]


def test_a_step_that_ends_at_the_limit_is_taken(monkeypatch):
    assert Training(monkeypatch, minutes=5.0).run([50.0] * 12) == [(6, 300.0), (12, 300.0)]


@pytest.mark.parametrize("seconds", [150.1, 300.0, 301.0, 4000.0])
def test_slow_steps_are_saved_one_by_one(seconds, monkeypatch):
    saves = Training(monkeypatch, saving_takes=20.0).run([seconds] * 4)
    assert [step for step, _ in saves] == [1, 2, 3, 4]


def test_no_minutes_mean_every_step(monkeypatch):
    assert len(Training(monkeypatch, minutes=0).run([1e-6] * 9)) == 9


def test_the_time_of_saving_is_no_work(monkeypatch):
    assert Training(monkeypatch, saving_takes=200.0).run([45.0] * 13) == [(6, 270.0), (12, 270.0)]


def test_fast_steps_after_a_probe_leave_room_for_another_one(monkeypatch):
    # nine fast steps and one with a probe, again and again
    steps = ([1.0] * 9 + [100.0]) * 5
    saves = Training(monkeypatch).run(steps)
    assert max(seconds for _, seconds in saves) <= 300.0
    assert [step for step, _ in saves] == [20, 40]


@given(seconds=st.floats(0.5, 2000.0), minutes=st.floats(0.0, 20.0))
def test_no_more_is_lost_than_said_and_no_save_is_needless(seconds, minutes):
    steps = 50
    with pytest.MonkeyPatch.context() as patch:
        saves = Training(patch, minutes=minutes, saving_takes=7.0).run([seconds] * steps)
    limit = 60 * minutes
    for _, lost in saves:
        assert lost <= max(limit, seconds) + 1e-6
        assert lost + seconds > limit - 1e-6
    last = saves[-1][0] if saves else 0
    assert (steps - last) * seconds <= limit + 1e-6
