"""The rate and the spending limit of an endpoint: how fast it is asked, what is counted, and where a job stops."""

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in_endpoint import endpoint, said

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CACHE
from safelrm.inference import endpoint as asking
from safelrm.inference.endpoint import Endpoint
from safelrm.inference.pace import Pace
from safelrm.inference.settings import EndpointSettings, SpendingSettings
from safelrm.inference.spending import Purse, Tokens

SAMPLING = {"temperature": 0.0, "max_tokens": 10}
# a question of 4 bytes and a reply of 10 tokens cost at most 20 + 10
PRICES = {"question_price": 1e6, "reply_price": 1e6}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


def ask(stand_in, *questions, limit=None, **changes):
    if limit is not None:
        changes["spending"] = PRICES | {"limit": limit}
    chosen = EndpointSettings.model_validate({"url": stand_in.url, "model": "m", "retries": 3, **changes})
    return Endpoint(chosen).replies([[{"role": "user", "content": text}] for text in questions], SAMPLING)


def questions(count):
    return [f"q{number:03}" for number in range(count)]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@settings(max_examples=40)
@given(rate=st.integers(1, 600), steps=st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_no_minute_has_more_than_the_rate(rate, steps):
    clock = Clock()
    pace, turns = Pace(rate, clock, clock.sleep), []
    for step in steps:
        clock.now += step
        pace.wait()
        turns.append(clock.now)
    for start in turns:
        assert sum(start <= turn < start + 60 - 1e-6 for turn in turns) <= rate


def test_larger_questions_wait_longer_and_no_rate_waits_never():
    clock = Clock()
    pace = Pace(60, clock, clock.sleep)
    pace.wait(30)
    pace.wait(1)
    assert clock.now == pytest.approx(30)
    Pace(None, clock, clock.sleep).wait(1e9)
    assert clock.now == pytest.approx(30)


def test_requests_that_are_repeated_keep_the_rate_too_and_tokens_are_counted(monkeypatch):
    waited = []

    class Counted:
        def __init__(self, per_minute):
            self.rate = per_minute

        def wait(self, units=1.0):
            waited.append((self.rate, units))

    monkeypatch.setattr(asking, "Pace", Counted)
    with endpoint(lambda question, before: (429, "{}") if before < 2 else said("yes")) as stand_in:
        ask(stand_in, "four", requests_per_minute=7, tokens_per_minute=900)
        assert len(stand_in.asked) == 3
    # four bytes and the message's own 16 are 5 tokens
    assert waited == [(900, 15.0), *[(7, 1.0)] * 3]


def test_concurrent_requests_keep_the_rate():
    turns: list[float] = []
    pace = Pace(120, Clock(), turns.append)

    def work():
        for _ in range(5):
            pace.wait()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # the clock stands still: each of 40 has a turn of its own, half a second after the one before
    assert sorted(turns) == pytest.approx([0.5 * turn for turn in range(1, 40)])


def test_a_job_stops_before_the_limit_and_the_next_one_pays_only_for_the_rest():
    def answer(question, before):
        return said("yes", usage=(6, 4))

    with endpoint(answer) as stand_in:
        with pytest.raises(SafeLRMError) as caught:
            # each costs 10 in the end, and the last one might have cost 30
            ask(stand_in, *questions(20), limit=95, concurrency=4)
        assert caught.value.key == "spending.limit" and "may cost 30" in caught.value.problem
        assert "is kept" in caught.value.fix
        paid = len(stand_in.asked)
        assert paid == 7
        with pytest.raises(SafeLRMError, match="70 of 95 are spent"):
            ask(stand_in, *questions(20), limit=95, concurrency=4)
        assert len(stand_in.asked) == paid
        replies = ask(stand_in, *questions(20), limit=1000, concurrency=4)
        assert [reply.text for reply in replies] == ["yes"] * 20
        assert sorted(stand_in.questions) == questions(20)


def test_questions_on_their_way_are_answered_kept_and_never_beyond_the_limit():
    gate = threading.Barrier(3, timeout=10)

    def answer(question, before):
        gate.wait()
        return said("yes")

    with endpoint(answer) as stand_in:
        # three may be on their way; none says its usage, so each counts as 30
        with pytest.raises(SafeLRMError, match="90 of 100 are spent"):
            ask(stand_in, *questions(9), limit=100, concurrency=8)
        assert len(stand_in.asked) == 3
        asked = list(stand_in.questions)
        assert [reply.text for reply in ask(stand_in, *asked, limit=100)] == ["yes"] * 3
        assert len(stand_in.asked) == 3


def test_jobs_at_the_same_time_do_not_pass_the_limit_together(tmp_path):
    prices = SpendingSettings(limit=10.0, **PRICES)
    purses, passed, lock = [Purse(tmp_path, prices, "url") for _ in range(4)], [], threading.Lock()

    def work(purse):
        for _ in range(10):
            try:
                purse.promise(Tokens(1, 0))
            except SafeLRMError:
                return
            with lock:
                passed.append(purse)
            purse.settle(Tokens(1, 0), None)

    threads = [threading.Thread(target=work, args=[purse]) for purse in purses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # those that ask for the last one at once may all withdraw
    assert 10 - len(purses) < len(passed) <= 10


def test_what_a_killed_job_had_on_its_way_counts(tmp_path):
    prices = SpendingSettings(limit=10.0, **PRICES)
    Purse(tmp_path, prices, "url").promise(Tokens(4, 4))
    with pytest.raises(SafeLRMError, match="may cost 3, and 8 of 10 are spent"):
        Purse(tmp_path, prices, "url").promise(Tokens(1, 2))
    Purse(tmp_path, prices, "url").promise(Tokens(1, 1))


def test_a_question_that_is_refused_costs_nothing(tmp_path):
    def answer(question, before):
        return (400, "{}") if question == "q000" else said("yes", usage=(1, 1))

    with endpoint(answer) as stand_in:
        assert ask(stand_in, *questions(4), limit=100, concurrency=1)[0] is None
    assert spent(tmp_path) == 3 * 2


@pytest.mark.parametrize(("status", "cost"), [(None, 30), (500, 0)])
def test_a_reply_that_comes_too_late_counts_and_a_failure_does_not(status, cost, tmp_path):
    late = threading.Event()

    def answer(question, before):
        late.wait(5 if status is None else 0)
        return (status, "{}") if status else said("yes")

    with endpoint(answer) as stand_in:
        with pytest.raises(SafeLRMError):
            ask(stand_in, "q000", limit=100, retries=0, timeout=5.0 if status else 0.05)
        late.set()
    assert spent(tmp_path) == cost


def test_a_job_without_prices_counts_for_a_later_one_with_prices(tmp_path, capfd):
    with endpoint(lambda question, before: said("yes", usage=(7, 5))) as stand_in:
        ask(stand_in, *questions(3))
        assert "3 questions of 21 tokens, replies of 15 tokens" in capfd.readouterr().out
        assert spent(tmp_path) == 36
        with pytest.raises(SafeLRMError, match="36 of 40 are spent"):
            ask(stand_in, *questions(4), limit=40)
        ask(stand_in, *questions(4), limit=70)
        assert "cost 12, by all jobs 48 of 70" in capfd.readouterr().out


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "many",
        [],
        {"prompt_tokens": 3},
        {"prompt_tokens": -1, "completion_tokens": 2},
        {"prompt_tokens": 1.5},
        (10**400, 1),
        (0, 0),
        (True, True),
    ],
)
def test_an_endpoint_that_does_not_say_its_usage_counts_as_the_most(usage, tmp_path, capfd):
    with endpoint(lambda question, before: said("yes", usage=usage)) as stand_in:
        ask(stand_in, "q000", limit=50)
    assert spent(tmp_path) == 30
    assert "1 came without their usage" in capfd.readouterr().out


def test_what_a_job_has_spent_must_be_readable(tmp_path):
    (tmp_path / "spent-1.json").write_text("{}")
    with pytest.raises(SafeLRMError, match=r"spent-1\.json.*does not say what a job has spent"):
        Purse(tmp_path, SpendingSettings(limit=10.0, **PRICES), "url").promise(Tokens(1, 1))


@pytest.mark.parametrize(
    "bad",
    [
        {"requests_per_minute": -1},
        {"tokens_per_minute": 0},
        {"body": {"max_completion_tokens": 30}},
        {"body": {"n": 3}},
        {"spending": PRICES},
        {"spending": {"limit": 1.0}},
        {"spending": PRICES | {"limit": 0.0}},
        {"spending": PRICES | {"limit": 1.0, "question_price": -1.0}},
    ],
)
def test_rates_and_prices_that_mean_nothing_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        EndpointSettings.model_validate({"url": "https://api.example.org", "model": "m", **bad})


def spent(tmp_path) -> int:
    """Tokens that the files of all jobs count."""
    files = [json.loads(path.read_text()) for path in (tmp_path / "cache").rglob("spent-*.json")]
    return sum(found["question"] + found["reply"] for found in files)
