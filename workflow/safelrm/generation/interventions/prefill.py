"""An intervention that begins the assistant's turn with a given text, from which the model goes on.

`<think></think>` is an empty trace: a model that reasons then answers at once (ZeroThink). A sentence after `<think>`
begins the trace. core/trace.py splits the whole turn, so the given text counts as trace and answer like the model's.
"""

from dataclasses import replace

from pydantic import Field

from safelrm.core.settings import Strict
from safelrm.generation.intervention import ChatRequest


class Settings(Strict):
    """The text."""

    text: str = Field(
        min_length=1,
        description="what the assistant's turn begins with, such as `<think></think>`; an opening `<think>` is left out"
        " where the chat template has already written one",
    )


def intervene(request: ChatRequest, settings: Settings) -> ChatRequest:
    """The request with the text at the beginning of the assistant's turn."""
    return replace(request, prefill=settings.text)
