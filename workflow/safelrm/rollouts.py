"""Generate a model's completions of all benchmarks, in all its decoding modes, with one engine start.

Input:  a checkpoint's manifest, and a prompts table per benchmark.
Output: a rollouts table, one row per decoding mode, benchmark, prompt and sample, in that order.

Every request has a seed of its own, derived from names (engine/requests.py), so that equal weights
and settings give equal completions whatever else is generated in the same run. The token limit
counts the end-of-turn token; `completion_tokens` and the text do not.
"""

import argparse
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.engine.chat import Chat
from safelrm.engine.requests import RenderedPrompt, plan_requests, render_prompts
from safelrm.engine.vllm_engine import start_engine
from safelrm.schemas.prompts import PROMPTS
from safelrm.schemas.rollouts import ROLLOUTS
from safelrm.settings.rollouts import RolloutJobSettings

if TYPE_CHECKING:
    from vllm import LLM

STOP, LENGTH = "stop", "length"


@dataclass(frozen=True)
class Completion:
    """Generated token ids without the end-of-turn token, and why generation ended (stop or length)."""

    token_ids: list[int]
    finish_reason: str


def generate(
    engine: "LLM", prompts: Sequence[RenderedPrompt], seeds: Sequence[int], settings: RolloutJobSettings
) -> list[Completion]:
    """One completion per prompt, in order, each sampled with its own seed.

    Raises:
        SafeLRMError: the engine gave up a request.
    """
    from vllm import SamplingParams  # noqa: PLC0415  (the engine's environment is set by now)

    sampling = [
        SamplingParams(
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_tokens=settings.max_tokens,
            seed=seed,
            detokenize=False,
        )
        for seed in seeds
    ]
    outputs = engine.generate([{"prompt_token_ids": prompt.token_ids} for prompt in prompts], sampling, use_tqdm=False)
    return [_completion(output.outputs[0]) for output in outputs]


def _completion(output: object) -> Completion:
    token_ids, reason = list(output.token_ids), output.finish_reason
    if reason not in (STOP, LENGTH):
        raise SafeLRMError(f"the engine ended a request with {reason!r}", fix="run again; report it if it persists")
    # no stop strings are set: what stopped the model is its last token
    return Completion(token_ids[:-1] if reason == STOP else token_ids, reason)


def rollout_table(
    chat: Chat,
    requests: pd.DataFrame,
    prompts: Sequence[RenderedPrompt],
    completions: Sequence[Completion],
) -> pd.DataFrame:
    """The rows of a rollouts table, but for model, arm and seed."""
    texts = chat.decode([completion.token_ids for completion in completions])
    parsed = [
        parse_completion(text, prefilled=prompt.prefilled, truncated=completion.finish_reason == LENGTH)
        for text, prompt, completion in zip(texts, prompts, completions, strict=True)
    ]
    traces = chat.encode([part.trace or "" for part in parsed])
    return requests.assign(
        completion=texts,
        trace=[part.trace for part in parsed],
        answer=[part.answer for part in parsed],
        parse_state=[part.state for part in parsed],
        finish_reason=[completion.finish_reason for completion in completions],
        prompt_tokens=[len(prompt.token_ids) for prompt in prompts],
        trace_tokens=[len(ids) for ids in traces],
        completion_tokens=[len(completion.token_ids) for completion in completions],
    )


def generate_rollouts(
    model: Path, benchmarks: Mapping[str, pd.DataFrame], seed: int, settings: RolloutJobSettings
) -> pd.DataFrame:
    """Rollouts of the model in a folder, but for the columns model, arm and seed.

    Args:
        model: the model folder.
        benchmarks: prompts by benchmark name.
        seed: seed of the arm.
        settings: decoding and engine.
    """
    chat = Chat(model)
    requests = plan_requests(benchmarks, seed, settings)
    prompts = render_prompts(chat, requests, settings)
    started = time.monotonic()
    engine = start_engine(model, dtype=settings.dtype, max_model_length=settings.max_model_length, seed=settings.seed)
    ready = time.monotonic()
    completions = generate(engine, prompts, requests["request_seed"].tolist(), settings)
    spent = time.monotonic() - ready
    tokens = sum(len(completion.token_ids) for completion in completions)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(completions)} completions, {tokens} tokens in {spent:.1f} s ({tokens / spent:.0f} tokens/s);"
        f" engine start {ready - started:.1f} s; peak memory {memory:.2f} GiB",
        flush=True,
    )
    return rollout_table(chat, requests, prompts, completions)


def arguments() -> argparse.ArgumentParser:
    """The stage's command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--checkpoint", required=True, type=Path, help="manifest of the model")
    parser.add_argument("--model", required=True, help="name of the base model")
    parser.add_argument("--arm", required=True, help="name of the arm")
    parser.add_argument("--seed", required=True, type=int, help="seed of the arm")
    parser.add_argument(
        "--benchmark",
        required=True,
        action="extend",
        nargs="+",
        metavar="NAME=PATH",
        help="prompts tables, with the names of their benchmarks",
    )
    parser.add_argument("--output", required=True, type=Path, help="the rollouts table")
    return parser


def main() -> None:
    """Run the stage."""
    options = arguments().parse_args()
    settings = parse_settings(RolloutJobSettings, options.settings)
    benchmarks = {name: PROMPTS.read(path) for name, path in named_paths("--benchmark", options.benchmark).items()}
    rows = generate_rollouts(verified_model(options.checkpoint), benchmarks, options.seed, settings)
    ROLLOUTS.write(options.output, rows.assign(model=options.model, arm=options.arm, seed=options.seed))


if __name__ == "__main__":
    run(main)
