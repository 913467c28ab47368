"""Interventions at inference: what they may change of a request, and what counts as trace and answer then."""

from dataclasses import replace

import pandas as pd
import pytest
from generation_fixtures import prompts, register, settings
from tiny_model import CHAT_TEMPLATE, PREFILLED_TEMPLATE, write_tiny_model

from safelrm.core.errors import SafeLRMError
from safelrm.generation.intervention import Intervention
from safelrm.generation.requests import plan_requests, render_prompts
from safelrm.generation.rollouts import rollout_table
from safelrm.generation.settings import InterventionJobSettings
from safelrm.inference.chat import Chat
from safelrm.inference.schemas import COMPLETIONS

PREFILL = "safelrm.generation.interventions.prefill"


@pytest.fixture(scope="module")
def chats(tmp_path_factory):
    """Tokenizers by whether their chat template opens the trace."""
    folder = tmp_path_factory.mktemp("models")
    templates = {False: CHAT_TEMPLATE, True: PREFILLED_TEMPLATE}
    manifests = {
        opened: write_tiny_model(folder / str(opened), chat_template=text) for opened, text in templates.items()
    }
    return {opened: Chat(manifest.parent / "model") for opened, manifest in manifests.items()}


def rendered(chat, intervention, **changes):
    chosen = settings(intervention=intervention, **changes)
    requests = plan_requests({"a": prompts("a", 1)}, 0, chosen)
    return requests, render_prompts(chat, requests, chosen)


def rows_of(chat, text, completion, reason="stop"):
    """The rollout of a model that goes on from a prefilled text."""
    requests, asked = rendered(chat, {"module": PREFILL, "settings": {"text": text}})
    answered = pd.DataFrame(
        {"token_ids": chat.encode([completion]), "finish_reason": [reason]}, columns=COMPLETIONS.schema.names
    )
    (row,) = rollout_table(chat, requests, asked, answered).itertuples()
    return row, chat.decode([asked[0].token_ids])[0].partition("<|assistant|>")[2].strip()


@pytest.mark.parametrize(
    ("opened", "text", "turn"),
    [
        (False, "w1 w2", "w1 w2"),
        (False, " <think> </think>", "<think> </think>"),
        (True, " <think> </think>", "<think> </think>"),
        (True, " <think> w1 w2", "<think> w1 w2"),
        (True, " w1 w2", "<think> w1 w2"),
        (True, " </think> w1", "<think> </think> w1"),
    ],
)
def test_the_turn_begins_with_the_text_and_opens_one_trace(chats, opened, text, turn):
    assert rows_of(chats[opened], text, "w9")[1] == turn


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize(
    ("text", "completion", "reason", "trace", "answer", "state"),
    [
        # an empty trace: all that the model says is the answer
        (" <think> </think>", "w3 w4", "stop", None, "w3 w4", "ok"),
        (" <think> </think>", "w3 w4", "length", None, "w3 w4", "truncated"),
        (" <think> </think>", "", "stop", None, None, "empty"),
        # a sentence at the beginning of the trace is part of it
        (" <think> w1 w2", "w3 </think> w4", "stop", "w1 w2 w3", "w4", "ok"),
        (" <think> w1 w2", "w3", "stop", "w1 w2 w3", None, "no_close"),
        (" <think> w1 w2", "w3", "length", "w1 w2 w3", None, "truncated"),
        (" <think> w1 </think> w2", "w3 </think> w4", "stop", "w1", "w2 w3 </think> w4", "ok"),
    ],
)
def test_trace_and_answer_are_those_of_the_whole_turn(chats, opened, text, completion, reason, trace, answer, state):
    row, _ = rows_of(chats[opened], text, completion, reason)
    assert (row.trace, row.answer, row.parse_state) == (trace, answer, state)
    assert row.completion_tokens == len(completion.split())
    assert row.trace_tokens == (0 if trace is None else len(trace.split()))
    assert row.completion.endswith(completion) and row.completion.split()[-1:] != []


def test_a_sentence_without_tags_begins_the_answer_of_a_model_that_opens_its_trace_itself(chats):
    row, _ = rows_of(chats[False], " w1", "w2")
    assert (row.trace, row.answer, row.parse_state, row.completion) == (None, "w1 w2", "no_think", "w1 w2")


def test_an_intervention_may_change_every_part_of_a_request(chats, monkeypatch):
    def intervene(request, settings):
        before = {"role": "assistant", "content": "w7"}
        sampling = {**request.sampling, "temperature": 0.0, "top_k": 3, "max_tokens": 9}
        return replace(request, messages=(before, *request.messages), template={"prefill": True}, sampling=sampling)

    _, (one,) = rendered(chats[False], register(monkeypatch, intervene=intervene))
    assert one.sampling == {"temperature": 0.0, "top_p": 1.0, "top_k": 3, "max_tokens": 9}
    assert chats[False].decode([one.token_ids]) == [
        "<|assistant|> w7 <|end|> <|user|> w0 w0 <|end|> <|assistant|> <think>"
    ]
    assert one.prefilled


def test_a_prompt_leaves_room_for_the_prefilled_text(chats):
    text = {"module": PREFILL, "settings": {"text": " w1" * 40}}
    with pytest.raises(SafeLRMError, match="prompt a0 of a has 45 tokens") as caught:
        rendered(chats[False], text)
    assert caught.value.key == "max_model_length"


@pytest.mark.parametrize(
    ("intervene", "key", "said"),
    [
        (lambda request, settings: None, "intervene", "returns NoneType, must return a ChatRequest"),
        (lambda request, settings: replace(request, messages=()), "messages", "without messages"),
        (lambda request, settings: replace(request, messages=({"role": "user"},)), "messages", "lacks `role` or"),
        (lambda request, settings: replace(request, messages=("w1",)), "messages.0", "valid dictionary"),
        (lambda request, settings: replace(request, prefill=None), "prefill", "valid string"),
        (lambda request, settings: replace(request, template={"a": None}), "template.a.str", "valid string"),
        (lambda request, settings: replace(request, sampling={}), "sampling.temperature", "required"),
        (
            lambda request, settings: replace(request, sampling={**request.sampling, "top_k": -2}),
            "sampling.top_k",
            "greater than or equal to 0",
        ),
        (
            lambda request, settings: replace(request, sampling={**request.sampling, "min_q": 1}),
            "sampling.min_q",
            "not permitted",
        ),
        (
            lambda request, settings: replace(request, sampling={**request.sampling, "temperature": float("nan")}),
            "sampling.temperature",
            "finite",
        ),
    ],
)
def test_an_intervention_that_returns_no_request_is_named(chats, intervene, key, said, monkeypatch):
    with pytest.raises(SafeLRMError) as caught:
        rendered(chats[False], register(monkeypatch, intervene=intervene))
    assert caught.value.file == "safelrm.of_a_test" and caught.value.key == key
    assert said in caught.value.problem and caught.value.fix


def test_answers_depend_on_an_edit_of_the_model_and_on_nothing_else_of_an_intervention(monkeypatch):
    chosen = InterventionJobSettings(**register(monkeypatch, edit_model=lambda model, settings: None), code="c1")
    assert Intervention(chosen).context == {"edited_by": chosen.model_dump(mode="json")}
    prefill = InterventionJobSettings(module=PREFILL, settings={"text": "w1"}, code="c1")
    assert Intervention(prefill).context == {} == Intervention(None).context
    assert Intervention(prefill).edit is None


@pytest.mark.parametrize(
    ("module", "given", "said"),
    [
        ("safelrm.judging.refusal", {}, "no `intervene` or `edit_model`"),
        (PREFILL, {}, "Field required"),
        (PREFILL, {"text": ""}, "at least 1 character"),
        ("safelrm.generation.interventions.no_such", {}, "there is no such module"),
    ],
)
def test_a_module_that_is_no_intervention_is_named(module, given, said):
    with pytest.raises(SafeLRMError) as caught:
        Intervention(InterventionJobSettings(module=module, settings=given))
    assert caught.value.file == module and said in str(caught.value)
