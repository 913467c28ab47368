"""Schedules keep to their limits: never shorter than the critical path or the work over the units."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.operations.schedule import Task, critical_path, remaining_seconds, wall_seconds

DIAMOND = {
    "a": Task(1.0, 1, frozenset()),
    "b": Task(5.0, 1, frozenset("a")),
    "c": Task(2.0, 1, frozenset("a")),
    "d": Task(1.0, 1, frozenset("bc")),
}


@st.composite
def dags(draw) -> dict[int, Task[int]]:
    tasks = {}
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        seconds = draw(st.integers(0, 100))
        tasks[number] = Task(float(seconds), draw(st.integers(0, 4)), frozenset(needs))
    return tasks


def test_a_diamond():
    assert critical_path(DIAMOND) == ["a", "b", "d"]
    assert remaining_seconds(DIAMOND) == {"a": 7.0, "b": 6.0, "c": 3.0, "d": 1.0}
    assert wall_seconds(DIAMOND, 1) == 9.0
    assert wall_seconds(DIAMOND, 2) == 7.0


@given(dags(), st.integers(1, 8))
def test_bounds(tasks, units):
    wall = wall_seconds(tasks, units)
    path = critical_path(tasks)
    longest = sum(tasks[name].seconds for name in path)
    work = sum(task.seconds * min(task.units, units) for task in tasks.values())
    assert wall >= max(longest, work / units) - 1e-6
    assert wall <= sum(task.seconds for task in tasks.values()) + 1e-6
    assert longest == pytest.approx(max(remaining_seconds(tasks).values()))
    assert all(before in tasks[after].needs for before, after in pairwise(path))


def test_a_job_that_needs_more_than_there_is_takes_all():
    assert wall_seconds({"a": Task(3.0, 8, frozenset()), "b": Task(2.0, 1, frozenset())}, 2) == 5.0
