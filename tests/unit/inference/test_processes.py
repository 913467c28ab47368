"""Questions shared out among processes. These import this module, so it imports little."""

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CORES
from safelrm.inference import processes
from safelrm.inference.processes import shared_out


def fail(questions):
    yield 0, ("first",)
    raise SafeLRMError("the engine gave up", file="model", fix="mend it")


def end(questions):
    raise SystemExit(3)
    yield


@pytest.mark.parametrize(("ask", "said"), [(fail, "model: the engine gave up\n  fix: mend it"), (end, "ended with 3")])
def test_the_error_of_a_process_is_the_error_of_the_job(ask, said, monkeypatch):
    monkeypatch.setenv(CORES, "2")
    monkeypatch.setattr(processes, "FEWEST", 1)
    with pytest.raises(SafeLRMError) as caught:
        list(shared_out(ask, [([1], {}), ([2], {})]))
    assert said in str(caught.value)


def echo(questions):
    yield from ((place, (ids[0],)) for place, (ids, _) in reversed(list(enumerate(questions))))


@pytest.mark.parametrize(("cores", "asked"), [("1", 20), ("2", 20), ("3", 25), ("8", 7)])
def test_each_question_is_asked_once_and_keeps_its_place(cores, asked, monkeypatch):
    monkeypatch.setenv(CORES, cores)
    answers = list(shared_out(echo, [([100 + number], {}) for number in range(asked)]))
    assert sorted(answers) == [(number, (100 + number,)) for number in range(asked)]
