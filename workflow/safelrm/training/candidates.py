"""Sample several completions of each prompt from a checkpoint, and score them with a reward.

Input:  the manifest of a checkpoint, the manifests of the guards that the reward reads, if any, and prompts tables.
Output: a candidates table, one row per prompt and sample.

vLLM writes the completions, which are kept by content (inference/store.py). The seed of each follows from the arm's
seed, its prompt and its sample. The reward is that of RL: the same modules read the same texts (training/rewards). SFT
learns from the best candidates, DPO from pairs of them (training/best_of.py).
"""

import json
import os
from collections.abc import Mapping, Sequence
from multiprocessing import get_context, parent_process
from pathlib import Path

import pandas as pd
import torch
from transformers import TrainerState

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.process import RUNNER, end_with_runner
from safelrm.core.seeds import derive_seed, seed_everything
from safelrm.data.schemas import PROMPTS
from safelrm.generation.requests import RenderedPrompt, plan_requests, render_prompts
from safelrm.generation.rollouts import complete_prompts, said_of_states
from safelrm.generation.settings import RolloutJobSettings
from safelrm.inference.chat import Chat, user_turn
from safelrm.inference.schemas import STOP
from safelrm.training.candidate_settings import CandidateSettings
from safelrm.training.rendering import trace_prefill
from safelrm.training.reward_guards import load_guards
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards.base import SampleReader, build_rewards
from safelrm.training.rewards.guard import RewardGuard
from safelrm.training.sampled import sampled_tokens
from safelrm.training.schemas import CANDIDATES
from safelrm.training.settings import GuardReadings
from safelrm.training.vanishing import TermWatch, check_kinds

# what RL shows a policy of a prompt, and what its reward knows
SHOWN = ["prompt_id", "kind", "category", "prompt", "reference"]


def sample_candidates(
    model: Path, prompts: Mapping[str, pd.DataFrame], seed: int, settings: CandidateSettings
) -> pd.DataFrame:
    """Completions of the model in a folder, without rewards: one row per prompt and sample.

    Args:
        model: the model folder.
        prompts: rows of PROMPTS by data set.
        seed: seed of the arm.
        settings: how completions are sampled.

    Raises:
        SafeLRMError: a prompt is too long, or the engine cannot start.
    """
    chat = Chat(model)
    sampling = RolloutJobSettings(
        temperature=settings.temperature,
        max_tokens=settings.max_tokens,
        samples=settings.samples,
        # the same for all candidates, so that other rewards score the same completions
        seed=derive_seed("candidates"),
        dtype=settings.dtype,
        max_model_length=settings.max_model_length,
    )
    requests = plan_requests({name: table[SHOWN] for name, table in prompts.items()}, seed, sampling)
    rendered = render_prompts(chat, requests, sampling)
    asked = (model, rendered, requests["request_seed"].tolist(), sampling)
    if torch.cuda.is_available():
        # an engine keeps the memory of its GPU, which the guards need: it ends with a process of its own
        _in_a_process(asked)
    completions = complete_prompts(*asked)
    return requests[[*SHOWN, "sample"]].assign(
        dataset=requests["benchmark"],
        token_ids=completions["token_ids"].tolist(),
        finish_reason=completions["finish_reason"].tolist(),
        prompt_tokens=[len(prompt.token_ids) for prompt in rendered],
        completion_tokens=[len(ids) for ids in completions["token_ids"]],
    )


Asked = tuple[Path, Sequence[RenderedPrompt], Sequence[int], RolloutJobSettings]


def _in_a_process(asked: Asked) -> None:
    """Ask the engine in another process. The answers are in the store when it has ended."""
    process = get_context("spawn").Process(target=_complete, args=asked)
    process.start()
    process.join()
    if process.exitcode:
        raise SafeLRMError(
            f"the process of the engine ended with {process.exitcode}", key="candidates", fix="see its message above"
        )


def _complete(*asked: object) -> None:
    os.environ[RUNNER] = str(parent_process().pid)
    end_with_runner()
    complete_prompts(*asked)


def with_rewards(
    rows: pd.DataFrame, model: Path, settings: CandidateSettings, guards: Mapping[str, RewardGuard]
) -> pd.DataFrame:
    """The candidates with `response`, `parse_state`, `reward` and `terms`.

    Args:
        rows: what `sample_candidates` gives.
        model: the model folder.
        settings: the terms of the reward.
        guards: the guards that they read, by name.

    Raises:
        SafeLRMError: a term should score and does not, or gives no finite numbers.
    """
    chat = Chat(model)
    prefill, end = trace_prefill(chat.tokenizer), chat.tokenizer.eos_token_id
    reader = SampleReader(chat.tokenizer, frozenset([end]), prefilled=bool(prefill), trace_format=chat.trace_format)
    # as the reward reads them in RL: with the end token, unless the token limit has cut them
    ids = [
        [*map(int, tokens), *([end] if reason == STOP else [])]
        for tokens, reason in zip(rows["token_ids"], rows["finish_reason"], strict=True)
    ]
    references = [None if pd.isna(reference) else reference for reference in rows["reference"]]
    samples = [reader.read(*row) for row in zip(rows["prompt"], rows["kind"], references, ids, strict=True)]
    logged: dict[str, float] = {}
    values = {
        term.name: reward(
            prompts=[user_turn(prompt) for prompt in rows["prompt"]],
            completion_ids=ids,
            kind=rows["kind"].tolist(),
            reference=references,
            log_metric=logged.__setitem__,
        )
        for term, reward in zip(settings.rewards, build_rewards(settings.rewards, guards, reader), strict=True)
    }
    watched = TrainerState(global_step=1, max_steps=1, log_history=[logged])
    TermWatch(settings.rewards, guards).on_log(None, watched, None, logged)
    by_term = pd.DataFrame(values, index=rows.index, dtype=float)
    return rows.assign(
        response=[prefill + sample.completion for sample in samples],
        parse_state=[sample.parsed.state for sample in samples],
        reward=summed(by_term, settings.rewards),
        terms=[
            json.dumps(dict(zip(values, of_sample, strict=True))) for of_sample in zip(*values.values(), strict=True)
        ],
    )


def summed(values: pd.DataFrame, terms: Sequence[RewardTerm]) -> pd.Series:
    """The rewards: weighted sums of the terms that have a value, as TRL sums them; missing where none has.

    Args:
        values: one column for each term; NaN where a term has no value.
        terms: the terms.
    """
    weights = pd.Series({term.name: term.weight for term in terms})
    return values.mul(weights).sum(axis="columns", min_count=1)


def said_of(rows: pd.DataFrame) -> str:
    """The mean reward of all candidates and of the best of each prompt, and the tokens sampled."""
    best = rows.groupby(["dataset", "prompt_id"])["reward"].max()
    return (
        f"{len(rows)} candidates of {len(best)} prompts, {sampled_tokens(rows)} tokens: mean reward"
        f" {rows['reward'].mean():.4g}, of the best {best.mean():.4g}; {rows['reward'].isna().sum()} without reward"
    )


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--checkpoint", required=True, type=Path, help="manifest of the model")
    parser.add_argument("--model", required=True, help="name of the base model")
    parser.add_argument("--name", required=True, help="name of the candidates")
    parser.add_argument("--start", default="", help="the arm whose checkpoint it is, after -from-; none: the base")
    parser.add_argument("--seed", required=True, type=int, help="seed of the arm")
    parser.add_argument("--guards", nargs="*", default=[], metavar="NAME=PATH", help="guards that the reward reads")
    parser.add_argument("--readings", default="{}", metavar="JSON", help="how each of them is asked and read")
    parser.add_argument("--prompts", required=True, nargs="+", metavar="NAME=PATH", help="the prompts tables")
    parser.add_argument("--output", required=True, type=Path, help="the candidates table")
    options = parser.parse_args()
    settings = parse_settings(CandidateSettings, options.settings)
    readings = parse_settings(GuardReadings, options.readings).root
    prompts = {name: PROMPTS.read(path) for name, path in named_paths("--prompts", options.prompts).items()}
    check_kinds(settings.rewards, prompts)
    model = verified_model(options.checkpoint)
    rows = sample_candidates(model, prompts, options.seed, settings)
    seed_everything(options.seed)
    guards = load_guards(named_paths("--guards", options.guards), readings, settings.guard_dtype)
    rows = with_rewards(rows, model, settings, guards)
    print(said_of_states(rows["parse_state"], Chat(model).trace_format.name), said_of(rows), sep="\n", flush=True)
    named = {"model": options.model, "candidates": options.name, "start": options.start, "seed": options.seed}
    CANDIDATES.write(options.output, rows.assign(**named))


if __name__ == "__main__":
    run(main)
