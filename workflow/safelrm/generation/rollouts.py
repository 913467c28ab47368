"""Generate a model's completions of all benchmarks, in all its decoding modes, with at most one engine start.

Input:  a checkpoint's manifest, and a prompts table per benchmark.
Output: a rollouts table, one row per decoding mode, benchmark, prompt and sample, in that order.

Each request has its own seed, which is derived from names (generation/requests.py). So equal weights and settings give
equal completions, whatever else the same run generates. The token limit counts the end-of-turn token;
`completion_tokens` and the text leave it out. An intervention may begin the assistant's turn with a text: the columns
`completion`, `trace`, `answer` and `trace_tokens` are of the whole turn, `completion_tokens` are those of the model.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import OTHER_FORMAT, PARSE_STATES, parse_completion
from safelrm.data.schemas import PROMPTS
from safelrm.generation.intervention import Intervention
from safelrm.generation.requests import RenderedPrompt, plan_requests, render_prompts
from safelrm.generation.schemas import ROLLOUTS
from safelrm.generation.settings import RolloutJobSettings
from safelrm.inference.chat import Chat
from safelrm.inference.engine import complete, start_engine
from safelrm.inference.processes import shared_out
from safelrm.inference.schemas import COMPLETIONS, LENGTH, STOP
from safelrm.inference.store import AnswerStore, Question

if TYPE_CHECKING:
    from vllm import CompletionOutput


def complete_prompts(
    model: Path, prompts: Sequence[RenderedPrompt], seeds: Sequence[int], settings: RolloutJobSettings
) -> pd.DataFrame:
    """One completion per prompt, in order, as rows of COMPLETIONS without key.

    Completions that are in the store (inference/store.py) are not made again. If all are, no engine is started.

    Args:
        model: the model folder.
        prompts: the rendered prompts.
        seeds: the seed of each request.
        settings: the engine, and the intervention.

    Raises:
        SafeLRMError: the engine cannot start, or gave up a request.
    """
    asked = zip(prompts, seeds, strict=True)
    questions = [(prompt.token_ids, {**prompt.sampling, "seed": seed}) for prompt, seed in asked]
    engine = {"dtype": settings.dtype, "max_model_length": settings.max_model_length}
    store = AnswerStore(COMPLETIONS, model, engine | Intervention(settings.intervention).context)
    return store.answers(questions, partial(shared_out, partial(_ask, model, settings)))


def _ask(
    model: Path, settings: RolloutJobSettings, questions: Sequence[Question]
) -> Iterator[tuple[int, tuple[list[int], str]]]:
    started = time.monotonic()
    engine = start_engine(
        model,
        dtype=settings.dtype,
        max_model_length=settings.max_model_length,
        seed=settings.seed,
        edit=Intervention(settings.intervention).edit,
    )
    print(f"engine start: {time.monotonic() - started:.1f} s", flush=True)
    tokens, started = 0, time.monotonic()
    for place, output in complete(engine, questions):
        completion = _completion(output)
        tokens += len(completion[0])
        yield place, completion
    spent = time.monotonic() - started
    print(f"{tokens} tokens in {spent:.1f} s ({tokens / spent:.0f} tokens/s)", flush=True)


def _completion(output: "CompletionOutput") -> tuple[list[int], str]:
    token_ids, reason = list(output.token_ids), output.finish_reason
    if reason not in (STOP, LENGTH):
        raise SafeLRMError(f"the engine ended a request with {reason!r}", fix="run again; report it if it persists")
    # no stop strings are set, so the last token is the one that stopped the model
    return token_ids[:-1] if reason == STOP else token_ids, reason


def rollout_table(
    chat: Chat, requests: pd.DataFrame, prompts: Sequence[RenderedPrompt], completions: pd.DataFrame
) -> pd.DataFrame:
    """The rows of a rollouts table without model, arm and seed.

    Args:
        chat: tokenizer of the model.
        requests: one row per request.
        prompts: the rendered prompts, in the order of the requests.
        completions: rows of COMPLETIONS, in the order of the requests.
    """
    turns = [
        [*prompt.prefill, *(int(token) for token in ids)]
        for prompt, ids in zip(prompts, completions["token_ids"], strict=True)
    ]
    texts = chat.decode(turns)
    parsed = [
        parse_completion(text, prefilled=prompt.prefilled, truncated=reason == LENGTH, trace_format=chat.trace_format)
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
    model: Path, benchmarks: Mapping[str, pd.DataFrame], seed: int, settings: RolloutJobSettings
) -> pd.DataFrame:
    """Rollouts of the model in a folder, without the columns model, arm and seed.

    Args:
        model: the model folder.
        benchmarks: prompts by benchmark name.
        seed: seed of the arm.
        settings: decoding and engine.
    """
    chat = Chat(model)
    requests = plan_requests(benchmarks, seed, settings)
    prompts = render_prompts(chat, requests, settings)
    completions = complete_prompts(model, prompts, requests["request_seed"].tolist(), settings)
    rows = rollout_table(chat, requests, prompts, completions)
    print(said_of_states(rows["parse_state"], chat.trace_format.name), flush=True)
    return rows


def said_of_states(states: pd.Series, name: str) -> str:
    """How many completions are in each parse state, with a warning of those in another trace format than the model's.

    Args:
        states: the parse states.
        name: the model's trace format.
    """
    counts = states.value_counts().to_dict()
    said = "traces: " + ", ".join(f"{state} {counts[state]}" for state in PARSE_STATES if state in counts)
    other = counts.get(OTHER_FORMAT, 0)
    if not other:
        return said
    return (
        f"{said}\nwarning: {other} of {len(states)} completions show the marks of another trace format than `{name}`,"
        " and are unscored; if it is the model's own, set `settings.trace_format` of the model (docs/traces.md)"
    )


def main() -> None:
    """Run the stage."""
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
    options = parser.parse_args()
    settings = parse_settings(RolloutJobSettings, options.settings)
    files = named_paths("--benchmark", options.benchmark)
    benchmarks = {name: PROMPTS.read(path) for name, path in files.items()}
    model = verified_model(options.checkpoint)
    rows = generate_rollouts(model, benchmarks, options.seed, settings)
    ROLLOUTS.write(options.output, rows.assign(model=options.model, arm=options.arm, seed=options.seed))


if __name__ == "__main__":
    run(main)
