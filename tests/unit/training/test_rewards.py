"""Reward terms."""

import math

import pytest
from reward_fixtures import GUARDS, FakeGuard, as_trl_calls, sample, score, term

from safelrm.core.errors import SafeLRMError
from safelrm.inference.readings import GuardReading
from safelrm.training.collapse import SIGNS, collapse_signs
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards import correctness, format, over_refusal, safety
from safelrm.training.rewards.base import RewardContext, as_trl_reward, build_rewards, kinds_of
from safelrm.training.rewards.guard import RewardGuard


def test_format_counts_the_prefilled_tag():
    assert score(
        format,
        sample("t </think> y"),
        sample("<think> t </think> y", prefilled=False),
        sample("t </think> y", truncated=True),
        sample("t"),
        sample("t </think>"),
        sample("y", prefilled=False),
        sample(""),
    ) == [1, 1, 0, 0, 0, 0, 0]


def test_an_empty_trace_earns_nothing_for_its_format():
    traces = ["", "<think>", "-- .", "yes .", "first , look"]
    samples = [sample(f"{trace} </think> y") for trace in traces]
    assert {one.parsed.state for one in samples} == {"ok"}
    assert score(format, *samples) == [0, 0, 0, 1, 1]
    assert score(format, *samples, min_trace_words=2) == [0, 0, 0, 0, 1]
    # the guards read such a completion as they read its answer
    assert score(safety, samples[0])[0] == score(safety, sample("y", prefilled=False))[0]


def test_safety_reads_trace_and_answer_together():
    guard = FakeGuard()
    samples = [sample("bad </think> fine"), sample("fine </think> fine")]
    assert score(safety, *samples, context=RewardContext((RewardGuard(guard, 0.5),))) == pytest.approx([0.1, 0.9])
    assert guard.asked == [("prompt", "bad </think> fine"), ("prompt", "fine </think> fine")]


def test_what_cannot_be_judged_has_no_safety_reward():
    samples = [
        sample("fine </think> fine", truncated=True),
        sample("fine"),
        sample("fine </think>"),
        sample("odd </think> fine"),
        sample("long </think> fine"),
        sample("fine </think> fine"),
    ]
    assert score(safety, *samples)[:5] == [None] * 5
    assert score(safety, *samples)[5] == pytest.approx(0.9)


def test_several_guards_are_combined_as_the_settings_say():
    class Stern(FakeGuard):
        def _reading(self, text):
            return None if "vast" in text else GuardReading(0.5, 0.99, "unsafe")

    context = RewardContext((*GUARDS.values(), RewardGuard(Stern(), 0.5)))
    samples = [sample("bad </think> fine"), sample("t </think> fine"), sample("vast </think> fine"), sample("cut")]
    assert score(safety, *samples, context=context) == [pytest.approx(0.3), pytest.approx(0.7), None, None]
    assert score(safety, *samples, context=context, of_several="least")[:2] == pytest.approx([0.1, 0.5])


def test_correctness_applies_to_reasoning_prompts():
    def solve(text, truncated=False):
        return sample(text, kind="reasoning", reference="7", truncated=truncated)

    samples = [solve("t </think> 7"), solve("t </think> 8"), solve("7"), solve("t </think> 7", truncated=True)]
    assert score(correctness, *samples, sample("t </think> 7")) == [1, 0, 0, 0, None]


def test_a_reasoning_prompt_needs_a_reference():
    with pytest.raises(SafeLRMError, match="reference"):
        score(correctness, sample("t </think> 7", kind="reasoning"))


def test_over_refusal_applies_to_benign_prompts():
    refusal, help_ = "t </think> i am sorry , but i cannot help with that .", "t </think> first lift it ."
    assert score(
        over_refusal,
        sample(refusal, kind="benign"),
        sample(help_, kind="benign"),
        sample("t", kind="benign"),
        sample(refusal, kind="harmful"),
    ) == [-1, 0, -1, None]


@pytest.mark.parametrize(
    "answer",
    [
        "I\u2019m sorry, but I can\u2019t assist with that.",
        "Sorry, I cannot create such a list.",
        "What a question! I'm not able to provide this.",
        "I must respectfully decline.",
        "I CANNOT HELP YOU lift the box .",
        "First. Second. Third. Fourth. But I cannot help with that.",
    ],
)
def test_a_direct_refusal_is_penalised(answer):
    assert over_refusal.refuses(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "First get a rope. Then lift the box.",
        "You cannot help everyone, so begin with one.",
        "I cannot help but admire the plan. Here it is.",
        "Take a stick. Lift the lid. Look inside. If it is stuck, say: I won't write today.",
    ],
)
def test_an_answer_that_helps_is_not_penalised(answer):
    assert not over_refusal.refuses(answer)


def test_the_reader_keeps_think_tags_and_drops_the_end_token(reader):
    read = reader.read("p", "harmful", None, reader.encode("w1 </think> w2 <|end|>"))
    assert read.completion == "w1 </think> w2"
    assert (read.parsed.trace, read.parsed.answer, read.parsed.state) == ("w1", "w2", "ok")


def test_without_an_end_token_a_completion_was_cut(reader):
    assert reader.read("p", "harmful", None, reader.encode("w1 </think> w2")).parsed.state == "truncated"
    assert reader.read("p", "harmful", None, []).parsed.state == "truncated"


def test_terms_are_called_as_trl_calls_them(reader):
    terms = [term("format"), term("safety", guards=["g"])]
    functions = build_rewards(terms, GUARDS, reader)
    assert [function.__name__ for function in functions] == ["format", "safety"]
    logged = {}
    ids = [reader.encode("w1 </think> w2 <|end|>"), reader.encode("w1")]
    assert as_trl_calls(functions[0], ids, logged) == [1, 0]
    assert as_trl_calls(functions[1], ids, logged) == [pytest.approx(0.9), None]
    assert logged == {"scored/format": 1.0, "due/format": 0.5, "scored/safety": 0.5, "due/safety": 0.5}


def test_signs_of_collapse_are_logged_once_a_step(reader):
    logged = []
    functions = build_rewards([term("format"), term("over_refusal")], {}, reader, collapse_signs)
    for function in functions:
        function(
            prompts=[[{"role": "user", "content": "p"}]],
            completion_ids=[reader.encode("w1 </think> w2 <|end|>")],
            kind=["benign"],
            reference=[None],
            log_metric=lambda name, value: logged.append((name, value)),
        )
    signs = [entry for entry in logged if entry[0] in SIGNS]
    # the trace is too short for an n-gram, and no prompt is harmful
    assert signs == [("empty_traces", 0.0), ("trace_words", 1.0), ("refusals_benign", 0.0)]


def test_signs_of_collapse():
    refusal = "i cannot help with that"
    samples = [
        sample(f"a b c d e </think> {refusal}"),
        sample("a a a a a a </think> first lift it"),
        sample(f" . </think> {refusal}", kind="benign"),
        sample("a b", kind="benign", truncated=True),
    ]
    assert collapse_signs(samples) == pytest.approx(
        {
            "empty_traces": 1 / 4,
            "trace_words": (5 + 6 + 0 + 2) / 4,
            "distinct_ngrams": (1 + 1 / 3) / 2,
            "refusals_harmful": 1 / 2,
            "refusals_benign": 1.0,
        }
    )


def test_a_term_is_due_for_finished_completions_of_its_kinds_only(reader):
    logged = {}
    ids = [reader.encode("w1 </think> w2 <|end|>"), reader.encode("w1")]
    functions = build_rewards([term("over_refusal"), term("correctness")], {}, reader)
    for function in functions:
        as_trl_calls(function, ids, logged)
    # all prompts are benign
    assert logged == {"scored/over_refusal": 1.0, "due/over_refusal": 0.5, "scored/correctness": 0.0}


@pytest.mark.parametrize("values", [[math.nan], [-math.inf], [1e39], [10**400], ["1"], [], [1.0, 1.0], None, 1.0])
def test_rewards_that_are_not_one_number_each_name_the_module(reader, values):
    broken = as_trl_reward(term("broken"), lambda samples: values, reader)
    with pytest.raises(SafeLRMError, match=r"rewards\.broken"):
        as_trl_calls(broken, [[1]], {})


def test_a_guard_is_probed_while_no_completion_has_ended(reader):
    def refuse(readings):
        if all(reading.label_mass < 0.5 for reading in readings):
            raise SafeLRMError("unreadable")

    guard, logged = RewardGuard(FakeGuard(), 0.5, refuse), {}
    (function,) = build_rewards([term("safety", guards=["g"])], {"g": guard}, reader)
    assert as_trl_calls(function, [reader.encode("w1")] * 9, logged) == [None] * 9
    assert (logged["unread/safety"], logged["due/safety"], len(guard.last)) == (0, 0, 8)
    logged.clear()
    as_trl_calls(function, [reader.encode("w1 </think> w2 <|end|>")], logged)
    assert "unread/safety" not in logged
    guard.last.clear()
    guard.reader._reading = lambda text: GuardReading(0.5, 0.1, "Yes")
    as_trl_calls(function, [reader.encode("w1")], logged)
    assert (logged["unread/safety"], logged["scored/safety"]) == (1, 0)


def test_a_term_names_kinds_that_exist(monkeypatch):
    monkeypatch.setattr(correctness, "KINDS", ("riddle",))
    with pytest.raises(SafeLRMError, match="riddle") as error:
        kinds_of(term("correctness"))
    assert error.value.key == "KINDS"


@pytest.mark.parametrize("module", ["safelrm.training.rewards.nothing", "safelrm.core.trace"])
def test_a_module_that_is_no_reward_is_refused(reader, module):
    with pytest.raises(SafeLRMError, match=module):
        build_rewards([RewardTerm(module=module, weight=1.0)], {}, reader)
