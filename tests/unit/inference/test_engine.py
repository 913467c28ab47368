"""How many completions an engine works on at a time: a killed job loses those that are not finished."""

import sys
from types import SimpleNamespace

import pytest

from safelrm.inference import engine
from safelrm.inference.engine import FIRST_RUNNING, complete

TOKENS = 10


class Running:
    """An engine in which each step takes some seconds for each request, and gives each one token."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.left, self.most = clock, seconds, {}, 0

    def add_request(self, name, prompt, sampling):
        self.left[name] = TOKENS

    def abort_request(self, names):
        for name in names:
            self.left.pop(name, None)

    def step(self):
        self.most = max(self.most, len(self.left))
        self.clock.now += self.seconds * len(self.left)
        self.left = {name: tokens - 1 for name, tokens in self.left.items()}
        ended = [name for name, tokens in self.left.items() if not tokens]
        for name in ended:
            del self.left[name]
        return [SimpleNamespace(request_id=name, finished=True, outputs=[int(name)]) for name in ended]


@pytest.fixture
def clock(monkeypatch):
    """The engine's clock, and a vLLM that need not be there."""
    clock = SimpleNamespace(now=0.0)
    vllm = SimpleNamespace(SamplingParams=lambda **_: None)
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    kinds = SimpleNamespace(RequestOutputKind=SimpleNamespace(FINAL_ONLY=None))
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", kinds)
    monkeypatch.setattr(engine.time, "monotonic", lambda: clock.now)
    return clock


def questions_to(running, count):
    whole = SimpleNamespace(reset_prefix_cache=lambda: None, llm_engine=running)
    return complete(whole, [([1], {})] * count)


@pytest.fixture
def run(clock):
    """Complete some questions on an engine of a given speed; the most that it worked on at a time."""

    def run(seconds, questions=1000):
        running = Running(clock, seconds)
        answers = dict(questions_to(running, questions))
        assert answers == {number: number for number in range(questions)}
        return running.most

    return run


def test_a_fast_engine_works_on_many(run):
    assert run(0.0001) > 500


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.2])
def test_a_slow_engine_works_on_few(run, seconds):
    most = run(seconds)
    # they are finished within half a minute, unless the first ones already take longer
    assert most == FIRST_RUNNING or most * seconds * TOKENS < 30


def test_a_gpu_works_on_all(run, monkeypatch):
    monkeypatch.setattr(engine.torch.cuda, "is_available", lambda: True)
    assert run(0.2) == 1000


def test_nothing_to_ask_asks_nothing(run):
    assert run(0.1, questions=0) == 0


def test_what_an_interrupted_caller_had_asked_is_not_answered_to_the_next(clock):
    running = Running(clock, 0.1)
    interrupted = questions_to(running, 50)
    next(interrupted)
    interrupted.close()
    assert running.left == {}
    assert dict(questions_to(running, 3)) == {0: 0, 1: 1, 2: 2}
