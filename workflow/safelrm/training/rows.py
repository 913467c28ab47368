"""The rows of SFT: conversations as turns, in one decoding mode of the model or in several.

With several modes each conversation is a row in each of them. In a mode that asks for no trace the response is its
answer alone. What the generation prompt of such a mode says of an empty trace stands before it, as when the model is
asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from datasets import Dataset

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.inference.chat import conversation, trace_format_of, user_turn
from safelrm.training.modes import Mode
from safelrm.training.policy import Policy
from safelrm.training.rendering import Row, as_generated, check_row, generation_header, in_format, trace_prefill
from safelrm.training.settings import TemplateArguments


@dataclass(frozen=True)
class SftRow:
    """A conversation to train on.

    Attributes:
        prompt_id: the row's id, for messages.
        prompt: the user's turn.
        response: what the model is to generate.
        before: what the assistant's turn has before the response, beside what the template writes.
        template: arguments of the chat template.
    """

    prompt_id: str
    prompt: str
    response: str
    before: str
    template: TemplateArguments


def sft_rows(conversations: pd.DataFrame, policy: Policy, modes: Mapping[str, Mode]) -> list[SftRow]:
    """The rows of CONVERSATIONS as the model would generate them: in its trace format, after what the template opens.

    Args:
        conversations: rows of CONVERSATIONS.
        policy: the model to train.
        modes: the decoding modes; none: the chat template without arguments.

    Raises:
        SafeLRMError: a response cannot be written so. The message names its `prompt_id`.
    """
    found: list[SftRow] = []
    for mode in modes.values() if modes else [Mode()]:
        prefill = trace_prefill(policy.tokenizer, **mode.template)
        before = "" if mode.thinks else _empty_trace(policy, mode.template)
        for row in conversations[["prompt_id", "prompt", "response"]].itertuples(index=False):
            try:
                response = _response(row.response, policy, mode, prefill)
            except SafeLRMError as error:
                problem = f"prompt_id {row.prompt_id}: {error.problem}"
                raise SafeLRMError(problem, key=error.key, fix=error.fix) from None
            found.append(SftRow(row.prompt_id, row.prompt, response, before, mode.template))
    return found


def _response(response: str, policy: Policy, mode: Mode, prefill: str) -> str:
    known = trace_format_of(policy.tokenizer)
    written = in_format(response, known)
    if mode.thinks:
        return as_generated(written, prefill, known)
    answer = parse_completion(written, prefilled=False, trace_format=known).answer
    if answer is None:
        raise SafeLRMError("there is no answer after the trace", key="response", fix="drop the row")
    return answer


def _empty_trace(policy: Policy, template: TemplateArguments) -> str:
    """The empty trace of the generation prompt, if the template does not write it before an assistant's turn, too."""
    tokenizer, known = policy.tokenizer, trace_format_of(policy.tokenizer)
    asked = tokenizer.apply_chat_template(user_turn("?"), tokenize=False, add_generation_prompt=True, **template)
    if tokenizer.apply_chat_template(conversation("?", "!"), tokenize=False, **template).startswith(asked):
        return ""
    header = generation_header(tokenizer, **template)
    places = [place for mark in known.openings if (place := header.find(mark)) >= 0]
    return header[min(places) :] if places else ""


def turns_of(rows: Sequence[SftRow]) -> dict[str, list[object]]:
    """The columns of TRL's data set.

    Raises:
        SafeLRMError: decoding modes give the chat template other arguments than each other.
    """
    columns: dict[str, list[object]] = {
        "messages": [conversation(row.prompt, row.before + row.response) for row in rows]
    }
    if any(row.template for row in rows):
        if len({frozenset(row.template) for row in rows}) > 1:
            # a column of mappings has every key in every row, and a template may ask whether a key is there
            raise SafeLRMError(
                "the decoding modes of the recipe do not all give the same arguments to the chat template",
                key="decodings",
                fix="give each of them each argument, such as `enable_thinking: true` beside `enable_thinking: false`",
            )
        columns["chat_template_kwargs"] = [row.template for row in rows]
    return columns


def check_rows(rendered: Dataset, rows: Sequence[SftRow], policy: Policy, max_length: int) -> None:
    """Make sure that each row is rendered as it says, within `max_length` tokens and the context of the model.

    Raises:
        SafeLRMError: one is not.
    """
    for one, row in zip(rendered, rows, strict=True):
        check_row(
            Row(one["input_ids"], one["labels"]),
            prompt_id=row.prompt_id,
            prompt=row.prompt,
            response=row.response,
            tokenizer=policy.tokenizer,
            stop_ids=policy.stop_ids,
            max_length=min(max_length, policy.context),
            template=row.template,
        )
