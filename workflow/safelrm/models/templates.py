"""Chat templates for training, made from a model's own.

A chat template has two uses. It asks a model: the text ends where the assistant's turn begins. And it renders a
conversation for training. For asking, a model's own template is right by definition. For training it is often wrong:
R1-Distill's template drops the trace of an assistant's turn, Qwen3's changes the white space of the trace, and few
templates mark the tokens that the model is to learn.

So a trainable template asks with the model's own template. After that text it writes the last assistant's turn: whole,
marked, and closed by the end token.
"""

import json
from collections.abc import Mapping

from transformers import PreTrainedTokenizerBase

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace_formats import format_of
from safelrm.inference.chat import opened_trace, user_turn

# a template may write the date of the day; with a fixed date, results do not differ from day to day
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
        SafeLRMError: the model has none.
    """
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not template:
        raise SafeLRMError(
            "the model has no chat template",
            file=tokenizer.name_or_path or None,
            key="chat_template",
            fix="name a chat model or a guard, or put its template beside its tokenizer, as chat_template.jinja",
        )
    return template


def settled(template: str, arguments: Mapping[str, str | int | float | bool]) -> str:
    """The template on a fixed date, with `arguments` where the caller of the template gives none."""
    lines = [
        f"{{% if {name} is not defined %}}{{% set {name} = {_literal(value)} %}}{{% endif %}}\n"
        for name, value in arguments.items()
    ]
    if "strftime_now" in template:
        lines.append(f"{{% macro strftime_now(format) %}}{DATE}{{% endmacro %}}\n")
    return "".join(lines) + template


def trainable(template: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """A template that asks as `template` does, and renders the last assistant's turn whole and marked for the loss.

    Raises:
        SafeLRMError: the extended template would ask otherwise than `template`.
    """
    asked = _asked(tokenizer, template)
    # Jinja drops one newline at the end of a template
    made = (
        _HEAD
        + template.removesuffix("\n")
        + _TAIL.replace("PREFILL", _literal(opened_trace(asked, format_of(template))))
    )
    if _asked(tokenizer, made) != asked:
        raise SafeLRMError(
            "the model's own chat template cannot be extended: it would ask otherwise",
            key="settings.chat_template",
            fix="leave it out, and train this model with another template",
        )
    return made


def _asked(tokenizer: PreTrainedTokenizerBase, template: str) -> str:
    return tokenizer.apply_chat_template(
        user_turn("?"), chat_template=template, tokenize=False, add_generation_prompt=True
    )


def _literal(value: str | float | bool) -> str:
    """A value as Jinja writes it, which is as JSON writes it."""
    return json.dumps(value, ensure_ascii=False)
