"""What training sees is what the conversation says."""

import pytest
from tiny_model import write_tiny_model
from training_fixtures import TEMPLATE
from transformers import AutoTokenizer
from trl.chat_template_utils import deepseek_r1_distill_chat_template as stock
from trl.chat_template_utils import get_training_chat_template

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace_formats import ANALYSIS, FINAL, FORMATS
from safelrm.inference.chat import conversation
from safelrm.training.rendering import (
    IGNORED,
    Row,
    as_generated,
    check_row,
    check_template,
    in_format,
    trace_prefill,
)

BAR = "\uff5c"
PROMPT, RESPONSE = "w1 w2", "<think> w3 w4 </think> w5"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_tiny_model(folder, chat_template=TEMPLATE)
    return AutoTokenizer.from_pretrained(folder / "model")


def check(tokenizer, template=TEMPLATE, *, own=TEMPLATE, prompt=PROMPT, response=RESPONSE, max_length=64):
    """Render with `template` as the trainer does, and check against the model's own template."""
    tokenizer.chat_template = own
    rendered = tokenizer.apply_chat_template(
        conversation(prompt, response), return_dict=True, return_assistant_tokens_mask=True, chat_template=template
    )
    ids, mask = rendered["input_ids"], rendered["assistant_masks"]
    labels = [token if trained else IGNORED for token, trained in zip(ids, mask, strict=True)]
    check_row(
        Row(ids, labels),
        prompt_id="row-7",
        prompt=prompt,
        response=response,
        tokenizer=tokenizer,
        stop_ids=frozenset([tokenizer.eos_token_id]),
        max_length=max_length,
    )


def test_a_faithful_template_passes(tokenizer):
    check(tokenizer)


def test_a_template_without_prefill_passes(tokenizer):
    plain = TEMPLATE.replace("<|assistant|> <think> {% endif", "<|assistant|> {% endif")
    check(tokenizer, plain, own=plain)


def test_a_template_whose_mask_begins_after_the_prefill_passes(tokenizer):
    later = TEMPLATE.replace(
        "{% generation %}{{ message['content'] }}",
        "<think> {% generation %}{{ message['content'].removeprefix('<think> ') }}",
    )
    check(tokenizer, later, own=later)


CONTENT = "{{ message['content'] }}"
USER_TURN = "<|user|> {{ message['content'] }} <|end|> {% else %}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (f"%}}{CONTENT}", "%}{{ message['content'].split('</think>')[-1] }}", "drops the trace"),
        ("{% generation %}{{", "{% generation %}<think> {{", "opens the trace twice"),
        (f"%}}{CONTENT}", f"%}}{CONTENT} w9", "differs from the response"),
        (" <|end|> {% endgeneration %}", " {% endgeneration %}", "no end token"),
        (" <|end|> {% endgeneration %}", "{% endgeneration %} <|end|> ", "not exactly the assistant's turn"),
        (USER_TURN, f"{{% generation %}}{USER_TURN.replace('{% else', '{% endgeneration %}{% else')}", "not exactly"),
        ("{% for message", "{% if messages|length > 1 %}w8 {% endif %}{% for message", "differs"),
    ],
)
def test_an_unfaithful_template_is_refused(tokenizer, old, new, message):
    assert old in TEMPLATE
    with pytest.raises(SafeLRMError, match=message) as error:
        check(tokenizer, TEMPLATE.replace(old, new))
    assert "row-7" in str(error.value)
    assert error.value.fix


def test_a_response_that_does_not_begin_as_the_generation_prompt_ends_is_refused(tokenizer):
    with pytest.raises(SafeLRMError, match="begin with the generation prompt"):
        check(tokenizer, response="w3 w4")


def test_a_long_row_is_refused_not_cut(tokenizer):
    with pytest.raises(SafeLRMError, match=r"row-7.*more than 5"):
        check(tokenizer, max_length=5)


def test_a_response_that_the_tokenizer_cannot_write_is_refused(tokenizer):
    with pytest.raises(SafeLRMError, match="differs from the response"):
        check(tokenizer, response="<think> unheard </think> w5")


def test_a_prompt_rendered_otherwise_for_generation_is_refused(tokenizer):
    other = TEMPLATE.replace("<|user|> {{", "{% if add_generation_prompt %}w8 {% endif %}<|user|> {{")
    with pytest.raises(SafeLRMError, match=r"generation prompt|differs"):
        check(tokenizer, other, own=other)


def test_r1_distill_is_trained_with_its_training_template_only(tmp_path):
    write_tiny_model(tmp_path, chat_template=stock)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    tokenizer.add_special_tokens(
        {
            "bos_token": f"<{BAR}begin▁of▁sentence{BAR}>",
            "eos_token": f"<{BAR}end▁of▁sentence{BAR}>",
            "additional_special_tokens": [f"<{BAR}User{BAR}>", f"<{BAR}Assistant{BAR}>"],
        }
    )
    check_template(tokenizer)
    response = as_generated(RESPONSE, trace_prefill(tokenizer))
    assert response == "<think>\nw3 w4 </think> w5"
    check(tokenizer, get_training_chat_template(tokenizer), own=stock, response=response)
    with pytest.raises(SafeLRMError, match="drops the trace"):
        check(tokenizer, stock, own=stock, response=response)


def test_a_template_without_markers_is_refused(tokenizer):
    tokenizer.chat_template = TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    with pytest.raises(SafeLRMError, match="does not mark"):
        check_template(tokenizer)


@pytest.mark.parametrize(
    ("name", "response", "wanted"),
    [
        ("think", "<think>a</think> b", "<think>a</think> b"),
        ("think", "b", "b"),
        ("think", "<think>a", "<think>a"),
        ("magistral", "<think> a </think> b", "[THINK]a[/THINK]b"),
        ("magistral", "[THINK] a [/THINK] b", "[THINK] a [/THINK] b"),
        ("magistral", "b", "b"),
        ("granite_3_2", "<think>a</think>b", "Here is my thought process:\na\nHere is my response:\nb"),
        ("harmony", "<think>a</think>b", f"{ANALYSIS}a<|end|><|start|>assistant{FINAL}b"),
        ("harmony", "b", f"{FINAL}b"),
        ("harmony", f"{FINAL}b", f"{FINAL}b"),
    ],
)
def test_a_response_is_written_in_the_format_of_the_model(name, response, wanted):
    assert in_format(response, FORMATS[name]) == wanted


@pytest.mark.parametrize(
    ("name", "response"),
    [("think", "[THINK]a[/THINK]b"), ("magistral", f"{FINAL}b"), ("magistral", "<think>a"), ("harmony", "")],
)
def test_a_response_in_a_third_format_or_without_an_end_is_refused(name, response):
    with pytest.raises(SafeLRMError, match=f"trace format `{name}`") as error:
        in_format(response, FORMATS[name])
    assert error.value.key == "response" and "trace_format" in error.value.fix


@pytest.mark.parametrize(
    ("response", "prefill", "wanted"),
    [
        ("<think>Well</think> no", "<think>\n", "<think>\nWell</think> no"),
        ("<think>\nWell</think> no", "<think>\n", "<think>\nWell</think> no"),
        ("<think> well </think> no", "<think> ", "<think> well </think> no"),
        ("<think> well </think> no", "<think>", "<think> well </think> no"),
        ("no", "<think>\n", "no"),
        ("<think>Well</think> no", "", "<think>Well</think> no"),
    ],
)
def test_as_generated(response, prefill, wanted):
    assert as_generated(response, prefill) == wanted
