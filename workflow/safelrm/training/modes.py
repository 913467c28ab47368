"""Decoding modes of RL: with a trace, without one, or both in turns.

A mode is a set of arguments of the model's chat template. The template may open the trace in the generation prompt, or
close an empty one there. In the second case, and where the recipe says so (`without_trace`), a completion is an answer
and no trace is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerBase

from safelrm.inference.chat import opened_trace, trace_format_of, user_turn
from safelrm.training.rendering import generation_header
from safelrm.training.settings import TemplateArguments


@dataclass(frozen=True)
class Mode:
    """A decoding mode.

    Attributes:
        template: arguments of the chat template.
        prefilled: whether the generation prompt opens the trace.
        thinks: whether the mode asks for a trace.
    """

    template: TemplateArguments = field(default_factory=dict)
    prefilled: bool = False
    thinks: bool = True


def modes_of(
    tokenizer: PreTrainedTokenizerBase, templates: Mapping[str, TemplateArguments], without_trace: Sequence[str] = ()
) -> dict[str, Mode]:
    """The modes of a model by name.

    Args:
        tokenizer: the model's tokenizer, with its chat template.
        templates: arguments of the chat template by mode.
        without_trace: modes that ask for no trace, although the generation prompt closes none.
    """
    return {name: _mode(tokenizer, given, name not in without_trace) for name, given in templates.items()}


def _mode(tokenizer: PreTrainedTokenizerBase, template: TemplateArguments, thinks: bool) -> Mode:
    known, header = trace_format_of(tokenizer), generation_header(tokenizer, **template)
    closed = any(mark in header for mark in known.closings)
    return Mode(template, prefilled=bool(opened_trace(header, known)), thinks=thinks and not closed)


def prompt_ids(tokenizer: PreTrainedTokenizerBase, prompt: str, template: TemplateArguments) -> list[int]:
    """Token ids of a prompt as the policy is asked, up to the beginning of its completion."""
    return tokenizer.apply_chat_template(user_turn(prompt), add_generation_prompt=True, return_dict=False, **template)
