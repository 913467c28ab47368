"""How long jobs take together: along the longest chain, and on so many GPUs or cores."""

import heapq
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Generic, TypeVar

Id = TypeVar("Id", bound=Hashable)


@dataclass(frozen=True)
class Task(Generic[Id]):
    """A job of a schedule: its duration, the GPUs or cores that it holds, and the jobs that it waits for."""

    seconds: float
    units: int
    needs: frozenset[Id]


def remaining_seconds(tasks: Mapping[Id, Task[Id]]) -> dict[Id, float]:
    """For each job the length of the longest chain that begins with it."""
    remaining = {name: task.seconds for name, task in tasks.items()}
    for name in reversed(list(_sorter(tasks).static_order())):
        for needed in tasks[name].needs:
            remaining[needed] = max(remaining[needed], tasks[needed].seconds + remaining[name])
    return remaining


def critical_path(tasks: Mapping[Id, Task[Id]]) -> list[Id]:
    """The chain of jobs that takes longest, in order."""
    remaining, path, next_ones = remaining_seconds(tasks), [], list(tasks)
    while next_ones:
        path.append(max(next_ones, key=remaining.__getitem__))
        next_ones = [name for name, task in tasks.items() if path[-1] in task.needs]
    return path


def wall_seconds(tasks: Mapping[Id, Task[Id]], units: int) -> float:
    """Duration of all jobs when no more than so many units are in use (list scheduling, longest chain first).

    A job that needs more units than there are takes all of them.
    """
    remaining, sorter = remaining_seconds(tasks), _sorter(tasks)
    held = {name: min(task.units, units) for name, task in tasks.items()}
    sorter.prepare()
    waiting: list[Id] = []
    running: list[tuple[float, int, Id]] = []
    free, now = units, 0.0
    while sorter.is_active():
        waiting = sorted([*waiting, *sorter.get_ready()], key=remaining.__getitem__, reverse=True)
        for name in list(waiting):
            if held[name] <= free:
                free -= held[name]
                waiting.remove(name)
                heapq.heappush(running, (now + tasks[name].seconds, len(running), name))
        now, _, name = heapq.heappop(running)
        free += held[name]
        sorter.done(name)
    return now


def _sorter(tasks: Mapping[Id, Task[Id]]) -> TopologicalSorter[Id]:
    return TopologicalSorter({name: task.needs for name, task in tasks.items()})
