"""How long jobs take together: one after another, along the longest chain, and on so many GPUs or cores."""

import heapq
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Generic, TypeVar

Id = TypeVar("Id", bound=Hashable)


@dataclass(frozen=True)
class Task(Generic[Id]):
    """A job of a schedule.

    Attributes:
        seconds: its duration.
        units: GPUs (or cores) that it holds meanwhile.
        needs: the jobs that must have ended before.
    """

    seconds: float
    units: int
    needs: frozenset[Id]


def remaining_seconds(tasks: Mapping[Id, Task[Id]]) -> dict[Id, float]:
    """For each job the length of the longest chain that begins with it."""
    longest: dict[Id, float] = {}
    after: dict[Id, float] = dict.fromkeys(tasks, 0.0)
    for name in reversed(list(_ordered(tasks))):
        longest[name] = after[name] + tasks[name].seconds
        for needed in tasks[name].needs:
            after[needed] = max(after[needed], longest[name])
    return longest


def critical_path(tasks: Mapping[Id, Task[Id]]) -> list[Id]:
    """The chain of jobs that takes longest, in order."""
    ended: dict[Id, float] = {}
    before: dict[Id, Id | None] = {}
    for name in _ordered(tasks):
        before[name] = max(tasks[name].needs, key=ended.__getitem__, default=None)
        ended[name] = tasks[name].seconds + (0.0 if before[name] is None else ended[before[name]])
    path: list[Id] = []
    name = max(ended, key=ended.__getitem__, default=None)
    while name is not None:
        path.insert(0, name)
        name = before[name]
    return path


def wall_seconds(tasks: Mapping[Id, Task[Id]], units: int) -> float:
    """Duration of all jobs when no more than so many units are in use (list scheduling, longest chain first).

    A job that needs more units than there are takes all of them.
    """
    urgency = remaining_seconds(tasks)
    sorter = TopologicalSorter({name: task.needs for name, task in tasks.items()})
    sorter.prepare()
    ready: list[Id] = []
    running: list[tuple[float, int, Id]] = []
    free, now = units, 0.0
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=urgency.__getitem__, reverse=True)
        waiting: list[Id] = []
        for name in ready:
            taken = min(tasks[name].units, units)
            if taken <= free:
                free -= taken
                heapq.heappush(running, (now + tasks[name].seconds, len(running), name))
            else:
                waiting.append(name)
        ready = waiting
        now, _, name = heapq.heappop(running)
        free += min(tasks[name].units, units)
        sorter.done(name)
    return now


def _ordered(tasks: Mapping[Id, Task[Id]]) -> list[Id]:
    return list(TopologicalSorter({name: task.needs for name, task in tasks.items()}).static_order())
