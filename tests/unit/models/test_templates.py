"""Chat templates for training: they ask as the model's own does, keep the trace, and mark the assistant's turn alone.

The models' own templates come with TRL; Granite's and Magistral's are of their form.
"""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from training_fixtures import TEMPLATE
from transformers import PreTrainedTokenizerFast
from trl.chat_template_utils import (
    deepseek_r1_distill_chat_template,
    get_training_chat_template,
    gptoss_chat_template,
    qwen2_5_chat_template,
    qwen3_chat_template,
)

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import Parsed
from safelrm.inference.chat import conversation, trace_format_of, user_turn
from safelrm.models.templates import DATE, own_template, settled, trainable
from safelrm.training.rendering import (
    IGNORED,
    Row,
    as_generated,
    check_row,
    check_template,
    in_format,
    trace_prefill,
)
from safelrm.training.rewards.base import SampleReader

BAR = "\uff5c"
# roles, a date, and thinking that is asked for in the system's turn
GRANITE = """\
{%- set system = 'Today is ' + strftime_now('%B %d, %Y') + '.' %}
{%- if thinking %}
    {%- set system = system + ' Think first.' %}
{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system + '<|end_of_text|>\n' }}
{%- for message in messages %}
    {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>\n' }}
    {%- if loop.last and add_generation_prompt %}
        {{- '<|start_of_role|>assistant<|end_of_role|>' }}
    {%- endif %}
{%- endfor %}
"""
MAGISTRAL = """\
{%- for message in messages %}
    {%- if message['role'] == 'user' %}{{- '[INST]' + message['content'] + '[/INST]' }}
    {%- elif message['thinking'] %}{{- '[THINK]' + message['thinking'] + '[/THINK]' + message['content'] + '</s>' }}
    {%- else %}{{- message['content'] + '</s>' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '\n' }}{% endif %}
"""
R1 = {"bos_token": f"<{BAR}begin▁of▁sentence{BAR}>", "eos_token": f"<{BAR}end▁of▁sentence{BAR}>"}
MODELS = {
    "r1_distill": (deepseek_r1_distill_chat_template, R1, [f"<{BAR}User{BAR}>", f"<{BAR}Assistant{BAR}>"], {}),
    "qwen3": (qwen3_chat_template, {"eos_token": "<|im_end|>"}, ["<|im_start|>"], {}),
    "qwen2_5": (qwen2_5_chat_template, {"eos_token": "<|im_end|>"}, ["<|im_start|>"], {}),
    "granite": (
        GRANITE,
        {"eos_token": "<|end_of_text|>"},
        ["<|start_of_role|>", "<|end_of_role|>"],
        {"thinking": True},
    ),
    "magistral": (MAGISTRAL, {"eos_token": "</s>"}, ["[INST]", "[/INST]", "[THINK]", "[/THINK]"], {}),
    "gpt_oss": (
        gptoss_chat_template,
        {"eos_token": "<|return|>"},
        ["<|start|>", "<|end|>", "<|channel|>", "<|message|>"],
        {},
    ),
}
PROMPT, RESPONSE = "w1 w2", "<think>\n w3 w4 \n</think>\n\n w5"


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer that can write any text, byte by byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({byte: number for number, byte in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")


@pytest.fixture(params=MODELS)
def model(request):
    """A tokenizer with a model's own tokens and template, and that template made fit for training."""
    own, special, tokens, arguments = MODELS[request.param]
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({**special, "additional_special_tokens": tokens})
    tokenizer.chat_template = own
    return tokenizer, arguments, trainable(settled(own, arguments), tokenizer)


def asked(tokenizer, template, **arguments):
    turns = [*conversation("w1", "<think> w2 </think> w3"), *user_turn("w4")]
    return [
        tokenizer.apply_chat_template(
            turns[-length:], chat_template=template, tokenize=False, add_generation_prompt=generation, **arguments
        )
        for length in (1, 3)
        for generation in (True, False)
    ]


def row(tokenizer, response):
    template = get_training_chat_template(tokenizer) or tokenizer.chat_template
    rendered = tokenizer.apply_chat_template(
        conversation(PROMPT, response), return_dict=True, return_assistant_tokens_mask=True, chat_template=template
    )
    masked = zip(rendered["input_ids"], rendered["assistant_masks"], strict=True)
    return Row(rendered["input_ids"], [token if trained else IGNORED for token, trained in masked])


def test_sft_accepts_it_and_learns_the_whole_turn_alone(model):
    tokenizer, _, template = model
    tokenizer.chat_template = template
    check_template(tokenizer)
    known = trace_format_of(tokenizer)
    response = as_generated(in_format(RESPONSE, known), trace_prefill(tokenizer), known)
    rendered = row(tokenizer, response)
    check_row(
        rendered,
        prompt_id="p",
        prompt=PROMPT,
        response=response,
        tokenizer=tokenizer,
        stop_ids=frozenset([tokenizer.eos_token_id]),
        max_length=2000,
    )
    learnt = tokenizer.decode([label for label in rendered.labels if label != IGNORED])
    assert learnt == response.removeprefix(trace_prefill(tokenizer)) + tokenizer.eos_token
    # what a rollout of a model that has learnt it by heart would be read as
    reader = SampleReader(
        tokenizer,
        frozenset([tokenizer.eos_token_id]),
        prefilled=bool(trace_prefill(tokenizer)),
        trace_format=known,
    )
    sample = reader.read(PROMPT, "harmful", None, [label for label in rendered.labels if label != IGNORED])
    assert sample.parsed == Parsed("w3 w4", "w5", "ok")


def test_it_asks_as_the_models_own_template(model):
    tokenizer, arguments, template = model
    expected = asked(tokenizer, settled(tokenizer.chat_template, arguments))
    assert asked(tokenizer, template) == expected
    assert len(set(expected)) == 4


def test_an_argument_of_the_caller_comes_first():
    tokenizer = byte_tokenizer()
    template = trainable(settled(GRANITE, {"thinking": True}), tokenizer)
    assert all("Think first." in text for text in asked(tokenizer, template))
    assert not any("Think first." in text for text in asked(tokenizer, template, thinking=False))
    assert all(f"Today is {DATE}." in text for text in asked(tokenizer, template))


@pytest.mark.parametrize("thinking", [True, False])
def test_the_modes_of_qwen3_stay(thinking):
    tokenizer = byte_tokenizer()
    template = trainable(qwen3_chat_template, tokenizer)
    arguments = {"enable_thinking": thinking}
    assert asked(tokenizer, template, **arguments) == asked(tokenizer, qwen3_chat_template, **arguments)
    assert ("</think>" in asked(tokenizer, template, **arguments)[0]) is not thinking


def test_the_own_template_of_r1_distill_is_only_fit_for_asking():
    tokenizer = byte_tokenizer()
    turns = conversation(PROMPT, RESPONSE)
    own = tokenizer.apply_chat_template(turns, chat_template=deepseek_r1_distill_chat_template, tokenize=False)
    made = trainable(deepseek_r1_distill_chat_template, tokenizer)
    assert "w3 w4" not in own
    assert "<think>\n w3 w4" in tokenizer.apply_chat_template(turns, chat_template=made, tokenize=False)


@pytest.mark.parametrize("template", ["\n\nw1 {{ messages[0].content }}", "{{ caller_date_of_birth }}{{ loop }}"])
def test_a_template_that_would_ask_otherwise_is_refused_or_the_same(template):
    tokenizer = byte_tokenizer()
    try:
        made = trainable(template, tokenizer)
    except SafeLRMError as error:
        assert "it would ask otherwise" in str(error)
    else:
        assert asked(tokenizer, made) == asked(tokenizer, template)


def test_named_templates_have_a_default_one():
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = {"default": TEMPLATE, "tool_use": "?"}
    assert own_template(tokenizer) == TEMPLATE
    tokenizer.chat_template = None
    with pytest.raises(SafeLRMError, match="no chat template"):
        own_template(tokenizer)
