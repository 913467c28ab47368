"""Chat templates for training, made from a model's own.

A template is used in two ways: to ask (it ends where the assistant's turn begins), and to render a conversation to
train on. For the first, a model's own template is right by definition. For the second it often is not: that of
R1-Distill drops the trace of an assistant's turn, that of Qwen3 changes its white space, and few mark the tokens that
are to be learnt. So the model's own template is kept for asking, and the last assistant's turn is put after what it
asks: whole, marked, and closed by the end token.
"""

import json
from collections.abc import Mapping

from transformers import PreTrainedTokenizerBase

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import OPEN

# templates that write the date of the day would make results differ from day to day
DATE = "January 1, 2025"

_HEAD = """\
{% for message in messages if message.role == 'tool' %}{{ raise_exception('tools are not supported') }}{% endfor %}
{% if messages[-1].role == 'assistant' %}
{% set safelrm_answer = messages[-1].content %}
{% set messages = messages[:-1] %}
{% set add_generation_prompt = true %}
{% endif %}
"""
_TAIL = """\
{% if safelrm_answer is defined %}
{% generation %}{{ safelrm_answer.removeprefix(PREFILL) }}{{ eos_token }}{% endgeneration %}
{% endif %}"""


def own_template(tokenizer: PreTrainedTokenizerBase) -> str:
    """The model's own chat template.

    Raises:
        SafeLRMError: it has none.
    """
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not template:
        raise SafeLRMError("the model has no chat template", key="hub", fix="name a chat model, or a guard")
    return template


def settled(template: str, arguments: Mapping[str, str | int | float | bool]) -> str:
    """The template with arguments that it is given where the caller gives none, and on a fixed date."""
    lines = [
        f"{{% if {name} is not defined %}}{{% set {name} = {_literal(value)} %}}{{% endif %}}\n"
        for name, value in arguments.items()
    ]
    if "strftime_now" in template:
        lines.append(f"{{% macro strftime_now(format) %}}{DATE}{{% endmacro %}}\n")
    return "".join(lines) + template


def trainable(template: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """A template that asks as the given one, and renders the last assistant's turn whole and marked for the loss.

    Raises:
        SafeLRMError: it does not ask as the given one.
    """
    asked = _asked(tokenizer, template)
    prefill = asked[asked.rindex(OPEN) :] if asked.rstrip().endswith(OPEN) else ""
    # Jinja drops one newline at the end of a template
    made = _HEAD + template.removesuffix("\n") + _TAIL.replace("PREFILL", _literal(prefill))
    if _asked(tokenizer, made) != asked:
        raise SafeLRMError(
            "the model's own chat template cannot be extended: it would ask otherwise",
            key="settings.chat_template",
            fix="leave it out, and train this model with another template",
        )
    return made


def _asked(tokenizer: PreTrainedTokenizerBase, template: str) -> str:
    question = [{"role": "user", "content": "?"}]
    return tokenizer.apply_chat_template(question, chat_template=template, tokenize=False, add_generation_prompt=True)


def _literal(value: str | float | bool) -> str:
    """A value as Jinja writes it; as JSON does."""
    return json.dumps(value, ensure_ascii=False)
