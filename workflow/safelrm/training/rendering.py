"""How a conversation is rendered for training, and checks of the rendering.

A chat template renders a whole conversation for training, and the prompt alone for generation. If the two disagree, a
model is trained on text that it never meets, or on less than the data hold. For example, the stock template of
R1-Distill drops the trace of assistant turns. `check_row` finds such faults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase
from trl.chat_template_utils import get_training_chat_template

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import OTHER_FORMAT, parse_completion
from safelrm.core.trace_formats import THINK, TraceFormat
from safelrm.inference.chat import opened_trace, trace_format_of, user_turn

IGNORED = -100


@dataclass(frozen=True)
class Row:
    """A rendered conversation: token ids, and as many labels. The label IGNORED marks a token without loss."""

    input_ids: Sequence[int]
    labels: Sequence[int]


def generation_header(tokenizer: PreTrainedTokenizerBase, **template: str | int | float | bool) -> str:
    """The text that the chat template, with some arguments, writes between a user's turn and the completion."""
    turn = user_turn("?")
    asked = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, **template)
    return asked.removeprefix(tokenizer.apply_chat_template(turn, tokenize=False, **template))


def trace_prefill(tokenizer: PreTrainedTokenizerBase, **template: str | int | float | bool) -> str:
    """The opening of the trace at the end of the generation prompt ("<think>" or "<think>\\n"), or "" without one."""
    return opened_trace(generation_header(tokenizer, **template), trace_format_of(tokenizer))


def in_format(response: str, trace_format: TraceFormat) -> str:
    """A response whose trace stands in <think> tags, with the trace in a model's format.

    Raises:
        SafeLRMError: the response has the marks of a third format, or its trace has no end or no answer.
    """
    parsed = parse_completion(response, prefilled=False)
    if trace_format is THINK and parsed.state != OTHER_FORMAT:
        return response
    own = parse_completion(response, prefilled=False, trace_format=trace_format)
    if own.state == "ok":
        return response
    if parsed.state == "no_think" and not trace_format.channels:
        return response
    if parsed.state in ("ok", "no_think"):
        return trace_format.written(parsed.trace, parsed.answer)
    raise SafeLRMError(
        f"the response cannot be written in the trace format `{trace_format.name}` (parse state {parsed.state})",
        key="response",
        fix="write its trace as <think> … </think> before the answer, set `settings.trace_format` of the model, or drop"
        " the row",
    )


def as_generated(response: str, prefill: str, trace_format: TraceFormat = THINK) -> str:
    """The response, with the opening of its trace replaced by `prefill`, the opening in the generation prompt."""
    opening = next((mark for mark in trace_format.openings if response.startswith(mark)), "")
    if not opening or prefill in ("", opening):
        return response
    return prefill + response.removeprefix(opening).lstrip()


def check_template(tokenizer: PreTrainedTokenizerBase) -> None:
    """Make sure that training can tell the assistant's tokens from the others.

    Raises:
        SafeLRMError: the template has no `{% generation %}` markers, and TRL knows no training version of it.
    """
    try:
        get_training_chat_template(tokenizer)
    except ValueError:
        raise SafeLRMError(
            "the chat template does not mark the assistant's tokens",
            key="chat_template",
            fix="put {% generation %} and {% endgeneration %} around the assistant's turn, its end token included",
        ) from None


def check_row(
    row: Row,
    *,
    prompt_id: str,
    prompt: str,
    response: str,
    tokenizer: PreTrainedTokenizerBase,
    stop_ids: frozenset[int],
    max_length: int,
    template: Mapping[str, str | int | float | bool] | None = None,
) -> None:
    """Make sure that a row trains its conversation, in the form in which a model is asked.

    1. The row is no longer than `max_length` tokens.
    2. It begins with the generation prompt, token for token.
    3. The user's turn is followed by the assistant's header, the whole response and an end token.
    4. The loss covers the completion up to and including the end token, and nothing of the user's turn. It may also
       cover the header, because TRL's templates for some models mark the header.

    `template` has the arguments of the chat template.

    Raises:
        SafeLRMError: one of these does not hold. The message names `prompt_id`.
    """

    def fail(problem: str, fix: str, key: str = "chat_template") -> SafeLRMError:
        return SafeLRMError(f"prompt_id {prompt_id}: {problem}", key=key, fix=fix)

    ids = list(row.input_ids)
    if len(ids) > max_length:
        raise fail(f"{len(ids)} tokens, more than {max_length}", "raise max_length, or drop the row", "max_length")

    turn, asked = user_turn(prompt), dict(template or {})
    user_ids = tokenizer.apply_chat_template(turn, return_dict=False, **asked)
    prompt_ids = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False, **asked)
    header = generation_header(tokenizer, **asked)
    end = max((place for place, token in enumerate(ids) if token in stop_ids), default=0)
    if end <= len(user_ids):
        raise fail("the assistant's turn has no end token", "let the template close the turn with the end token")

    target = tokenizer.decode(ids[len(user_ids) : end], skip_special_tokens=False)
    if _squeezed(target) != _squeezed(header.removesuffix(trace_prefill(tokenizer, **asked)) + response):
        raise fail(
            _difference(target, response, trace_format_of(tokenizer)),
            "use a template that renders the response unchanged",
        )
    if ids[: len(prompt_ids)] != prompt_ids:
        raise fail(
            f"the sequence does not begin with the generation prompt, which ends in {header!r}",
            "begin responses as the generation prompt does, or use a template that renders both alike",
        )
    trained = [place for place, label in enumerate(row.labels) if label != IGNORED]
    first = trained[0] if trained else end
    if trained != list(range(first, end + 1)) or not len(user_ids) <= first <= len(prompt_ids):
        raise fail(
            f"the loss covers {len(trained)} tokens, not exactly the assistant's turn with its end token",
            "put {% generation %} directly before the response and {% endgeneration %} directly after the end token",
        )


def _difference(target: str, response: str, trace_format: TraceFormat) -> str:
    opening = trace_format.openings[0]
    if opening in response and opening not in target:
        return "the chat template drops the trace of the response"
    if target.count(opening) > response.count(opening):
        return "the chat template opens the trace twice"
    return f"the rendered target differs from the response: {len(target)} characters instead of {len(response)}"


def _squeezed(text: str) -> str:
    """The text without white space. Templates and tokenizers of words add and drop white space."""
    return "".join(text.split())
