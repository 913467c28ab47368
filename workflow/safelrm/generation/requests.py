"""Generation requests: one per decoding mode, prompt and sample, each with its own seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.core.trace_formats import TraceFormat
from safelrm.generation.attack import attacked
from safelrm.generation.intervention import ChatRequest, Intervention
from safelrm.generation.settings import RolloutJobSettings, SamplingSettings
from safelrm.inference.chat import Chat, opened_trace, user_turn

# what vLLM samples with where a request does not say it; such values are no part of a question's hash (store.py)
UNSAID = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt as the model sees it.

    Attributes:
        token_ids: the rendered conversation up to the assistant's turn, and what the turn begins with.
        prefilled: whether the chat template has already opened the trace.
        prefill: tokens of the text that an intervention begins the turn with.
        sampling: the arguments of vLLM's SamplingParams, but for the seed.
    """

    token_ids: list[int]
    prefilled: bool
    prefill: list[int] = field(default_factory=list)
    sampling: Mapping[str, object] = field(default_factory=dict)


def plan_requests(benchmarks: Mapping[str, pd.DataFrame], seed: int, settings: RolloutJobSettings) -> pd.DataFrame:
    """One row per request: the prompt's columns, `benchmark`, `attack`, `decoding`, `sample` and `request_seed`.

    A request's seed is derived from the names of its benchmark and prompt and from its sample. So a completion does not
    depend on the other benchmarks and prompts, or on their order. The seed does not depend on the model, the arm or the
    decoding mode either: all of them answer a prompt with common random numbers.

    Raises:
        SafeLRMError: several samples are asked for at temperature 0, where all are the same, or an attack is at fault.
    """
    asked = {name: _as_asked(name, prompts, settings) for name, prompts in benchmarks.items()}
    tables = [
        asked[name].assign(benchmark=name, decoding=decoding, sample=sample)
        for decoding in sorted(settings.decodings)
        for name in sorted(asked)
        for sample in range(_samples(name, decoding, settings))
    ]
    requests = pd.concat(tables, ignore_index=True)
    names = zip(requests["benchmark"], requests["prompt_id"], requests["sample"], strict=True)
    return requests.assign(request_seed=[derive_seed(settings.seed, seed, *name) for name in names])


def _samples(benchmark: str, decoding: str, settings: RolloutJobSettings) -> int:
    samples = settings.samples_of(benchmark)
    if samples > 1 and settings.sampling(benchmark, decoding).temperature == 0:
        raise SafeLRMError(
            f"{samples} samples at temperature 0 are one sample repeated ({benchmark}, decoding mode {decoding})",
            file="--settings",
            key="samples",
            fix="set samples to 1, or the temperature above 0",
        )
    return samples


def _as_asked(name: str, prompts: pd.DataFrame, settings: RolloutJobSettings) -> pd.DataFrame:
    """The prompts of a benchmark with its attack, its instruction and its system prompt."""
    benchmark = settings.benchmark(name)
    if benchmark.attack is not None:
        # no word of the arm's seed: all runs are asked the same
        prompts = attacked(prompts, benchmark.attack, derive_seed(settings.seed, "attack", name))
    if benchmark.instruction is not None:
        prompts = prompts.assign(prompt=prompts["prompt"] + f"\n\n{benchmark.instruction}")
    if benchmark.system is not None:
        own = prompts["system"] if "system" in prompts else pd.Series(None, index=prompts.index, dtype=object)
        prompts = prompts.assign(system=own.where(own.notna(), benchmark.system))
    return prompts


def render_prompts(chat: Chat, requests: pd.DataFrame, settings: RolloutJobSettings) -> list[RenderedPrompt]:
    """The rendered prompt of each request, in its decoding mode, and as the arm's intervention wants it.

    Raises:
        SafeLRMError: a prompt leaves less than `max_tokens` of `max_model_length`, so that its completion would be cut
            earlier than others; or the intervention is at fault.
    """
    sampling = {
        pair: settings.sampling(*pair).model_dump()
        for pair in zip(requests["benchmark"], requests["decoding"], strict=True)
    }
    intervention = Intervention(settings.intervention)
    asked = [
        intervention.changed(
            ChatRequest(
                messages=messages_of(request),
                template=settings.decodings[request.decoding].template,
                sampling=sampling[request.benchmark, request.decoding],
            )
        )
        for request in requests.itertuples()
    ]
    texts = [chat.render(one.messages, **one.template) for one in asked]
    opened = [bool(opened_trace(text, chat.trace_format)) for text in texts]
    prefills = [_prefill(one.prefill, begun, chat.trace_format) for one, begun in zip(asked, opened, strict=True)]
    parts = zip(
        chat.encode([text + prefill for text, prefill in zip(texts, prefills, strict=True)]),
        opened,
        chat.encode(prefills),
        [_said(one.sampling) for one in asked],
        strict=True,
    )
    rendered = [RenderedPrompt(*part) for part in parts]
    for request, prompt in zip(requests.itertuples(), rendered, strict=True):
        _check_room(request.prompt_id, request.benchmark, prompt, settings)
    return rendered


def messages_of(request: tuple) -> tuple[Mapping[str, str], ...]:
    """The conversation that a request, or a rollout, asks with: its system prompt, if it has one, and its prompt."""
    system = getattr(request, "system", None)
    before = ({"role": "system", "content": system},) if isinstance(system, str) else ()
    return (*before, *user_turn(request.prompt))


def _prefill(text: str, opened: bool, trace_format: TraceFormat) -> str:
    """The beginning of the assistant's turn, without the mark that the chat template has already written."""
    begun = next((mark for mark in trace_format.openings if text.lstrip().startswith(mark)), None)
    return text.lstrip().removeprefix(begun) if opened and begun else text


def _said(sampling: Mapping[str, object]) -> dict[str, object]:
    said = {name: value for name, value in sampling.items() if UNSAID.get(name) != value}
    return {name: said[name] for name in SamplingSettings.model_fields if name in said}


def _check_room(prompt_id: str, benchmark: str, prompt: RenderedPrompt, settings: RolloutJobSettings) -> None:
    length, most = len(prompt.token_ids), prompt.sampling["max_tokens"]
    if length + most > settings.max_model_length:
        raise SafeLRMError(
            f"prompt {prompt_id} of {benchmark} has {length} tokens, and with max_tokens = {most} is longer than the"
            " context",
            file="--settings",
            key="max_model_length",
            fix=f"raise it to at least {length + most}, or lower max_tokens",
        )
