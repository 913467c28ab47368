"""Intervention: lowers the temperature of every request."""

from dataclasses import replace

from safelrm.core.settings import Positive, Strict
from safelrm.generation.intervention import ChatRequest


class Settings(Strict):
    """How much."""

    factor: Positive = 0.5


def intervene(request: ChatRequest, settings: Settings) -> ChatRequest:
    """The request with another temperature."""
    return replace(
        request, sampling={**request.sampling, "temperature": settings.factor * request.sampling["temperature"]}
    )
