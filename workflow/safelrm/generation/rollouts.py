"""Generate a model's completions of all benchmarks, in all its decoding modes, with one engine start.

Input:  a checkpoint's manifest, and a prompts table per benchmark.
Output: a rollouts table, one row per decoding mode, benchmark, prompt and sample, in that order.

Every request has a seed of its own, derived from names (generation/requests.py), so that equal weights
and settings give equal completions whatever else is generated in the same run. The token limit
counts the end-of-turn token; `completion_tokens` and the text do not.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import named_paths, parse_settings, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.core.work import resumable_parser, run_resumably
from safelrm.data.schemas import PROMPTS
from safelrm.generation.requests import RenderedPrompt, plan_requests, render_prompts
from safelrm.generation.schemas import ROLLOUTS
from safelrm.generation.settings import RolloutJobSettings
from safelrm.inference.chat import Chat
from safelrm.inference.engine import start_engine
from safelrm.inference.schemas import COMPLETIONS, LENGTH, STOP
from safelrm.inference.shards import in_shards

if TYPE_CHECKING:
    from vllm import LLM


def generate(engine: "LLM", requests: Sequence[tuple[list[int], int]], settings: RolloutJobSettings) -> pd.DataFrame:
    """One completion per request (a prompt's token ids, and the seed it is sampled with): rows of COMPLETIONS.

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
        for _, seed in requests
    ]
    started = time.monotonic()
    # what earlier requests left there may change the order of arithmetic
    engine.reset_prefix_cache()
    outputs = engine.generate([{"prompt_token_ids": ids} for ids, _ in requests], sampling, use_tqdm=False)
    rows = pd.DataFrame([_completion(output.outputs[0]) for output in outputs], columns=COMPLETIONS.schema.names)
    spent = time.monotonic() - started
    tokens = int(rows["token_ids"].map(len).sum())
    print(f"{len(rows)} completions, {tokens} tokens in {spent:.1f} s ({tokens / spent:.0f} tokens/s)", flush=True)
    return rows


def _completion(output: object) -> tuple[list[int], str]:
    token_ids, reason = list(output.token_ids), output.finish_reason
    if reason not in (STOP, LENGTH):
        raise SafeLRMError(f"the engine ended a request with {reason!r}", fix="run again; report it if it persists")
    # no stop strings are set: what stopped the model is its last token
    return token_ids[:-1] if reason == STOP else token_ids, reason


def rollout_table(
    chat: Chat,
    requests: pd.DataFrame,
    prompts: Sequence[RenderedPrompt],
    completions: pd.DataFrame,
) -> pd.DataFrame:
    """The rows of a rollouts table, but for model, arm and seed, from rows of COMPLETIONS in the same order."""
    texts = chat.decode([[int(token) for token in ids] for ids in completions["token_ids"]])
    parsed = [
        parse_completion(text, prefilled=prompt.prefilled, truncated=reason == LENGTH)
        for text, prompt, reason in zip(texts, prompts, completions["finish_reason"], strict=True)
    ]
    traces = chat.encode([part.trace or "" for part in parsed])
    return requests.assign(
        completion=texts,
        trace=[part.trace for part in parsed],
        answer=[part.answer for part in parsed],
        parse_state=[part.state for part in parsed],
        finish_reason=completions["finish_reason"].tolist(),
        prompt_tokens=[len(prompt.token_ids) for prompt in prompts],
        trace_tokens=[len(ids) for ids in traces],
        completion_tokens=[len(ids) for ids in completions["token_ids"]],
    )


def generate_rollouts(
    model: Path, benchmarks: Mapping[str, pd.DataFrame], seed: int, settings: RolloutJobSettings, work: Path
) -> pd.DataFrame:
    """Rollouts of the model in a folder, but for the columns model, arm and seed.

    Args:
        model: the model folder.
        benchmarks: prompts by benchmark name.
        seed: seed of the arm.
        settings: decoding and engine.
        work: where finished shards of completions are kept, and taken from.
    """
    chat = Chat(model)
    requests = plan_requests(benchmarks, seed, settings)
    prompts = render_prompts(chat, requests, settings)
    started = time.monotonic()
    engine = start_engine(model, dtype=settings.dtype, max_model_length=settings.max_model_length, seed=settings.seed)
    print(f"engine start: {time.monotonic() - started:.1f} s", flush=True)
    seeds = requests["request_seed"].tolist()
    completions = in_shards(
        [(prompt.token_ids, request_seed) for prompt, request_seed in zip(prompts, seeds, strict=True)],
        settings.shard_size,
        lambda shard: generate(engine, shard, settings),
        table=COMPLETIONS,
        folder=work,
    )
    return rollout_table(chat, requests, prompts, completions)


def arguments() -> argparse.ArgumentParser:
    """The stage's command line."""
    parser = resumable_parser(__doc__)
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
    files = named_paths("--benchmark", options.benchmark)
    benchmarks = {name: PROMPTS.read(path) for name, path in files.items()}
    model = verified_model(options.checkpoint)

    def roll_out(work: Path) -> None:
        rows = generate_rollouts(model, benchmarks, options.seed, settings, work)
        ROLLOUTS.write(options.output, rows.assign(model=options.model, arm=options.arm, seed=options.seed))

    run_resumably("rollouts", options, [options.checkpoint, *files.values()], [options.output], roll_out)


if __name__ == "__main__":
    run(main)
