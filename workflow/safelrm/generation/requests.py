"""From benchmark prompts to generation requests: one per decoding mode, prompt and sample, each with its own seed."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.core.trace import OPEN
from safelrm.generation.settings import RolloutJobSettings
from safelrm.inference.chat import Chat


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt as the model sees it.

    Attributes:
        token_ids: the rendered conversation up to the assistant's turn.
        prefilled: whether the chat template has already opened the trace.
    """

    token_ids: list[int]
    prefilled: bool


def plan_requests(benchmarks: Mapping[str, pd.DataFrame], seed: int, settings: RolloutJobSettings) -> pd.DataFrame:
    """One row per request: the prompt's columns, `benchmark`, `decoding`, `sample` and `request_seed`.

    A request's seed depends on names alone, so a completion does not depend on which other
    benchmarks or prompts are generated with it, nor in which order. It does not depend on the model,
    the arm or the decoding mode either: they answer a prompt with common random numbers.

    Raises:
        SafeLRMError: several samples are asked for at temperature 0, where all are the same.
    """
    if settings.temperature == 0 and settings.samples > 1:
        raise SafeLRMError(
            f"{settings.samples} samples at temperature 0 are one sample repeated",
            file="--settings",
            key="samples",
            fix="set samples to 1, or the temperature above 0",
        )
    tables = [
        prompts.assign(benchmark=name, decoding=decoding, sample=sample)
        for decoding in sorted(settings.decodings)
        for name, prompts in sorted(benchmarks.items())
        for sample in range(settings.samples)
    ]
    requests = pd.concat(tables, ignore_index=True)
    names = zip(requests["benchmark"], requests["prompt_id"], requests["sample"], strict=True)
    return requests.assign(request_seed=[derive_seed(settings.seed, seed, *name) for name in names])


def render_prompts(chat: Chat, requests: pd.DataFrame, settings: RolloutJobSettings) -> list[RenderedPrompt]:
    """The rendered prompt of each request, in its decoding mode.

    Raises:
        SafeLRMError: a prompt leaves less than `max_tokens` of `max_model_length`, so that its
            completion would be cut earlier than others'.
    """
    texts = [
        chat.render([{"role": "user", "content": request.prompt}], **settings.decodings[request.decoding].template)
        for request in requests.itertuples()
    ]
    rendered = [
        RenderedPrompt(ids, text.rstrip().endswith(OPEN)) for ids, text in zip(chat.encode(texts), texts, strict=True)
    ]
    room = settings.max_model_length - settings.max_tokens
    for request, prompt in zip(requests.itertuples(), rendered, strict=True):
        if len(prompt.token_ids) > room:
            raise SafeLRMError(
                f"prompt {request.prompt_id} of {request.benchmark} has {len(prompt.token_ids)} tokens, and with"
                f" max_tokens = {settings.max_tokens} is longer than the context",
                file="--settings",
                key="max_model_length",
                fix=f"raise it to at least {len(prompt.token_ids) + settings.max_tokens}, or lower max_tokens",
            )
    return rendered
