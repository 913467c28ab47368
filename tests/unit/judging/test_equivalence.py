"""math-verify in a process of its own: it is bounded, and survives what it is asked."""

import os
import signal
import threading

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.judging.answers import equivalence
from safelrm.judging.answers.equivalence import equivalent


@pytest.fixture
def worker(monkeypatch):
    """A process with little time, and no verdict kept from before."""
    monkeypatch.setattr(equivalence, "SECONDS", 1)
    monkeypatch.setattr(equivalence, "MEMORY", 2**28)
    monkeypatch.setattr(equivalence, "_WORKER", equivalence._Worker())
    equivalent.cache_clear()
    yield equivalence._WORKER
    equivalence._WORKER.end()
    equivalent.cache_clear()


def test_what_takes_too_long_is_ended_and_the_process_goes_on(worker):
    assert not equivalent("9^{9^{9^9}}", "3")
    # nor does a list of 10^9 numbers fill the memory
    assert not equivalent("10^{999999999}", "3")
    assert equivalent(r"\frac{1}{2}", "0.5")
    before = worker._process.pid
    # somebody ends the process
    os.kill(before, signal.SIGKILL)
    worker._process.wait()
    found = []
    thread = threading.Thread(target=lambda: found.append(equivalent("(x+1)^2", "x^2+2x+1")))
    thread.start()
    thread.join()
    assert found == [True]
    assert worker._process.pid != before


def test_long_texts_are_not_asked_about(worker):
    assert not equivalent("1+" * equivalence.LONGEST + "1", "1")
    assert worker._process is None


def test_a_process_that_cannot_start_is_an_error(worker, monkeypatch):
    monkeypatch.setattr(equivalence.sys, "executable", "true")
    with pytest.raises(SafeLRMError, match="math-verify"):
        equivalent("1", "2")
