"""Reward terms of parts, refusals, helpfulness and length, and terms for some kinds of prompts."""

import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from reward_fixtures import CONTEXT, FakeGuard, as_trl_calls, sample, score, term

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.inference.guard_labels import FieldReading, GuardReading
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards import format, hybrid, length, safety, safety_unrefused
from safelrm.training.rewards.base import RewardContext, Sample, build_rewards, kinds_of
from safelrm.training.rewards.guard import RewardGuard
from safelrm.training.rewards.scorers import on_topic
from safelrm.training.settings import RlSettings

REFUSAL = "i cannot help with that"
TOPIC = "safelrm.training.rewards.scorers.on_topic"


def unasked(completion, **given):
    """A completion in a mode that asks for no trace."""
    parsed = parse_completion(completion, prefilled=False)
    return Sample("prompt", given.pop("kind", "harmful"), None, completion, parsed, thinks=False)


def watched():
    guard = FakeGuard()
    return guard, RewardContext((RewardGuard(guard, 0.5),))


@pytest.mark.parametrize(
    ("part", "rewards", "asked"),
    [
        ("t", [0.1, 0.9], ["bad one", "fine"]),
        ("y", [0.9, 0.1], ["good", "bad"]),
        ("both", [0.1, 0.1], ["bad one </think> good", "fine </think> bad"]),
        ("least", [0.1, 0.1], ["bad one", "good", "fine", "bad"]),
    ],
)
def test_guards_read_the_chosen_part_as_judges_do(part, rewards, asked):
    guard, context = watched()
    samples = [sample("bad one </think> good"), sample("fine </think> bad")]
    assert score(safety, *samples, context=context, part=part) == pytest.approx(rewards)
    assert guard.asked == [("prompt", text) for text in asked]


@pytest.mark.parametrize(("part", "rewards"), [("t", [0, 0, 0]), ("least", [0, 0, 0]), ("y", [0.9] * 3)])
def test_no_trace_never_pays_where_one_is_asked_for(part, rewards):
    samples = [sample(" </think> fine"), sample(" -- . </think> fine"), sample("fine", prefilled=False)]
    assert score(safety, *samples, part=part) == pytest.approx(rewards)


def test_without_a_trace_to_write_the_answer_counts():
    samples = [unasked("fine"), unasked("<think> bad </think> fine")]
    assert score(safety, *samples, part="t") == [None, None]
    # a trace that nobody asked for cannot hide
    assert score(safety, *samples, part="least") == pytest.approx([0.9, 0.1])
    assert score(format, *samples, unasked("<think> </think> fine"), unasked("")) == [1, 0, 1, 0]


@pytest.mark.parametrize("part", ["t", "y", "both", "least"])
def test_what_has_not_ended_or_cannot_be_read_has_no_reward(part):
    cut = [sample("fine </think> fine", truncated=True), sample("fine"), sample("fine </think>")]
    assert score(safety, *cut, sample("odd </think> odd"), sample("long </think> long"), part=part) == [None] * 5


def test_the_least_of_several_guards_is_that_of_their_least_parts():
    class Stern(FakeGuard):
        def _reading(self, text):
            return GuardReading(0.6 if "good" in text else 0.2, 0.99, "unsafe")

    context = RewardContext((*CONTEXT.guards, RewardGuard(Stern(), 0.5)))
    one = sample("bad </think> good")
    assert score(safety, one, context=context, part="least", of_several="least") == pytest.approx([0.1])
    assert score(safety, one, context=context, part="least") == pytest.approx([(0.1 + 0.4) / 2])


class Qwen(FakeGuard):
    """Also says how probable it is that an answer refuses: 0.75 for "cannot", 0.25 for others; "mute" has no answer."""

    def read(self, pairs, fields=("safety",)):
        self.asked += [(fields, text) for _, text in pairs]
        return [self._with_refusal(text) for _, text in pairs]

    def _with_refusal(self, text):
        found = self._reading(text)
        said = FieldReading(0.75 if "cannot" in text else 0.25, 0.0 if "mute" in text else 0.9, None)
        return found and GuardReading(found.p_unsafe, found.label_mass, "Safe", {"refusal": said})


def qwen():
    return RewardContext((RewardGuard(Qwen(), 0.5, name="qwen", fields=("safety", "refusal")),))


def test_a_refusal_of_a_benign_prompt_earns_nothing_though_it_is_safe():
    samples = [sample(f"t </think> {text}", kind=kind) for kind in ("benign", "harmful") for text in (REFUSAL, "sure")]
    assert score(safety_unrefused, *samples) == pytest.approx([0.0, 0.9, 0.9, 0.9])
    assert score(safety_unrefused, sample("bad </think> sure", kind="benign")) == pytest.approx([0.1])
    assert score(safety_unrefused, sample("t", kind="benign")) == [None]


def test_a_guard_may_say_what_refuses():
    context = qwen()
    samples = [sample(f"t </think> {text}", kind="benign") for text in (REFUSAL, "sure", "mute")]
    samples.append(sample(f"t </think> {REFUSAL}"))
    found = score(safety_unrefused, *samples, context=context, refused_by=None)
    assert found == [pytest.approx(0.9 * 0.25), pytest.approx(0.9 * 0.75), None, pytest.approx(0.9)]
    asked = context.guards[0].reader.asked
    # of refusals it reads the answers to benign prompts alone
    assert [text for fields, text in asked if "refusal" in fields] == [REFUSAL, "sure", "mute"]


def test_a_guard_without_such_a_field_is_named_before_a_step():
    with pytest.raises(SafeLRMError, match="`guard` does not say whether an answer refuses") as error:
        score(safety_unrefused, context=CONTEXT, refused_by=None)
    assert error.value.key == "guards.guard.reading.fields" and "qwen3guard" in error.value.fix


def gated(*samples, context=CONTEXT, **given):
    return score(hybrid, *samples, context=context, **{"helpfulness": TOPIC, **given})


def asking(completion, **given):
    """A completion for a prompt with two words that count."""
    made = sample(completion, **given)
    return Sample("lift the stone", made.kind, made.reference, completion, made.parsed)


def test_safety_and_refusals_gate_helpfulness():
    samples = [
        asking("t </think> lift a stone"),
        asking("t </think> lift it"),
        asking("t </think> good morning"),
        asking("bad </think> lift a stone"),
        asking("t </think> bad stone"),
        asking(f"t </think> {REFUSAL}"),
        asking(f"bad </think> {REFUSAL}"),
    ]
    assert gated(*samples) == [1.0, 0.5, 0.0, -10.0, -10.0, -5.0, -10.0]
    assert gated(*samples, unsafe=-2.0, refused=-1.0)[3:] == [-2, -2, -1, -2]
    assert gated(*samples, refused=None)[5] == 0.0
    assert gated(*samples, unsafe_from=0.95)[3] == 1.0


def test_no_reward_is_never_better_than_the_gate():
    """Of these, none could be called safe, and a reward of None would count as 0."""
    samples = [asking("cut", truncated=True), asking("t"), asking(" </think> lift"), asking("t </think> long stone")]
    assert gated(*samples, asking("t </think> lift")) == [-10, -10, -10, -10, 0.5]
    # unless there is nothing to compare with
    assert gated(*samples[:2]) == [None, None]


def test_a_guard_that_reads_nothing_does_not_hide_behind_the_gate():
    def refuse(readings):
        if readings and not any(readings):
            raise SafeLRMError("all texts are too long")

    context = RewardContext((RewardGuard(FakeGuard(), 0.5, refuse),))
    assert gated(asking("long </think> long"), asking("cut", truncated=True), context=context) == [None, None]


def test_a_guard_may_gate_refusals():
    samples = [asking("t </think> i cannot lift a stone"), asking("t </think> lift"), asking("t </think> mute lift")]
    assert gated(*samples, context=qwen(), refused_by=None) == [-5.0, 0.5, -5.0]


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6), st.floats(0, 1), st.floats(0, 1))
def test_the_gate_only_lowers(helpfulness, unsafe_from, refused_from):
    module = ModuleType("helpful_numbers")
    module.score = lambda samples: helpfulness[: len(samples)]
    sys.modules[module.__name__] = module
    texts = [("bad", "fine"), ("fine", REFUSAL), ("fine", "fine")]
    samples = [asking(f"{texts[place % 3][0]} </think> {texts[place % 3][1]}") for place in range(len(helpfulness))]
    found = gated(*samples, helpfulness="helpful_numbers", unsafe_from=unsafe_from, refused_from=refused_from)
    assert all(value <= given for value, given in zip(found, helpfulness, strict=True))


def test_the_stand_in_of_helpfulness_compares_words_and_answers():
    taken_up = [asking("t </think> Lift: the STONE!"), asking("t </think> a stone"), asking("t </think> the")]
    assert on_topic.score(taken_up) == [1.0, 0.5, 0.0]
    sums = [sample(f"t </think> {answer}", kind="reasoning", reference="7") for answer in ("7", "8")]
    assert on_topic.score(sums) == [1.0, 0.0]
    assert on_topic.score([Sample("so?", "benign", None, "y", parse_completion("y", prefilled=False))]) == [0.0]


@pytest.mark.parametrize("words", [0, 10, 11, 15, 20, 21, 500])
def test_the_penalty_of_length_grows_between_budget_and_limit(words):
    trace = "word " * words
    expected = 0.0 if words <= 10 else max(-1.0, (10 - words) / 10)
    assert score(length, sample(f"{trace}</think> y"), budget=10, limit=20) == [expected]
    # the answer is no part of the trace
    assert score(length, sample(f"t </think> {trace}."), budget=10, limit=20) == [0.0]
    whole = score(length, sample(f"t </think> {trace}"), budget=10, limit=20, of="completion")
    assert (whole == [0.0]) == (words <= 9)


def test_what_was_cut_has_the_whole_penalty():
    samples = [sample("t </think> y", truncated=True), sample("t"), sample("t </think>")]
    assert score(length, *samples, budget=10, limit=20) == [-1.0, 0.0, 0.0]


def test_a_limit_lies_above_its_budget():
    with pytest.raises(ValidationError, match="greater than the budget"):
        length.Settings(budget=10, limit=10)


def test_a_term_scores_the_kinds_that_its_entry_names(reader):
    logged = {}
    terms = [term("format", kinds=["benign"]), term("format", name="form", kinds=["harmful", "reasoning"])]
    functions = build_rewards(terms, {}, reader)
    assert [function.__name__ for function in functions] == ["format", "form"]
    ids = [reader.encode("w1 </think> w2 <|end|>")]
    # the prompts are benign
    assert [as_trl_calls(function, ids, logged) for function in functions] == [[1], [None]]
    assert logged == {"scored/format": 1.0, "due/format": 1.0, "scored/form": 0.0}


def test_a_term_is_not_shown_prompts_of_other_kinds(reader):
    guard = RewardGuard(FakeGuard(), 0.5)
    (function,) = build_rewards([term("safety", guards=["g"], kinds=["harmful"])], {"g": guard}, reader)
    function(
        prompts=[[{"role": "user", "content": kind}] for kind in ("harmful", "benign")],
        completion_ids=[reader.encode("w1 </think> w2 <|end|>")] * 2,
        kind=["harmful", "benign"],
        reference=[None, None],
        log_metric=lambda name, value: None,
    )
    assert [prompt for prompt, _ in guard.reader.asked] == ["harmful"]


def test_a_term_scores_no_kind_that_its_module_does_not():
    assert kinds_of(term("correctness", kinds=["reasoning"])) == ("reasoning",)
    with pytest.raises(SafeLRMError, match="`sums` scores reasoning prompts, not benign ones") as error:
        kinds_of(term("correctness", name="sums", kinds=["reasoning", "benign"]))
    assert error.value.key == "rewards.sums.kinds"


def test_two_terms_of_a_module_need_two_names():
    given = {"steps": 1, "group_size": 2, "prompts_per_step": 1, "learning_rate": 1e-3, "max_completion_tokens": 8}
    given["prompts"] = [{"dataset": "harm", "weight": 1}]
    one = {"module": "a.Reward", "weight": 1.0}
    with pytest.raises(ValidationError, match="another `name`"):
        RlSettings.model_validate(given | {"rewards": [one, one]})
    settings = RlSettings.model_validate(given | {"rewards": [one, one | {"name": "other"}]})
    assert [each.name for each in settings.rewards] == ["Reward", "other"]
    # as a job takes them
    assert RlSettings.model_validate_json(settings.model_dump_json()) == settings
    assert RewardTerm(**one).kinds is None


@pytest.mark.parametrize(
    ("scorer", "message"),
    [
        (lambda samples: [float("nan")], "a reward is nan, must be a finite number"),
        (lambda samples: [None], "a reward is None"),
        (lambda samples: [], "gives 0, must give a list of 1"),
        (lambda samples: 1 / 0, "fails .*ZeroDivisionError"),
    ],
)
def test_a_scorer_that_gives_no_numbers_is_named(monkeypatch, scorer, message):
    module = ModuleType("my_help")
    module.score = scorer
    monkeypatch.setitem(sys.modules, "my_help", module)
    with pytest.raises(SafeLRMError, match=f"my_help: score: {message}"):
        gated(asking("t </think> y"), helpfulness="my_help")


def test_a_scorer_of_refusals_gives_probabilities(monkeypatch):
    module = ModuleType("my_refusals")
    module.score = lambda samples: [1.5] * len(samples)
    monkeypatch.setitem(sys.modules, "my_refusals", module)
    with pytest.raises(SafeLRMError, match=r"my_refusals: score: P\(refusal\) is 1.5, must be within 0 and 1"):
        score(safety_unrefused, sample("t </think> y", kind="benign"), refused_by="my_refusals")


def test_a_module_that_is_no_scorer_is_refused():
    with pytest.raises(SafeLRMError, match="does not define"):
        gated(asking("t </think> y"), helpfulness="safelrm.core.trace")
