"""The prompts of reinforcement learning: a mixture of several data sets, and a check that each prompt leaves room."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.inference.chat import user_turn
from safelrm.training.modes import Mode, prompt_ids
from safelrm.training.policy import Policy
from safelrm.training.rewards.base import DECODING
from safelrm.training.settings import RlSettings


def mix_prompts(
    tables: Mapping[str, pd.DataFrame],
    weights: Mapping[str, float],
    count: int,
    seed: int,
    decodings: Sequence[str] = (),
) -> pd.DataFrame:
    """`count` prompts of several data sets, in the order in which training uses them.

    Data sets take turns by their weights: any stretch of n prompts holds the share of every data set to within one or
    two prompts. The prompts of a data set come in a random order. When all have come, they come again in another order.
    The prompts of a data set are asked in the decoding modes in turns. The first data set begins with the first mode,
    the second one with the next mode, and so on.

    Args:
        tables: rows of PROMPTS by data set.
        weights: the weight of each data set.
        count: number of prompts.
        seed: seed of the orders.
        decodings: the decoding modes in which prompts are asked, if there are several.

    Returns:
        the rows; the column DECODING has the mode of each row, or None.
    """
    total = sum(weights.values())
    credit = dict.fromkeys(tables, 0.0)
    draws = {name: _endless(len(table), derive_seed(seed, "prompts", name)) for name, table in tables.items()}
    turns = {name: place for place, name in enumerate(tables)}
    chosen, modes = [], []
    for _ in range(count):
        for name in tables:
            credit[name] += weights[name] / total
        # rounded, so that equal credits stay equal and the first data set wins the tie
        name = max(credit, key=lambda name: round(credit[name], 9))
        credit[name] -= 1.0
        chosen.append(tables[name].iloc[[next(draws[name])]])
        modes.append(decodings[turns[name] % len(decodings)] if decodings else None)
        turns[name] += 1
    return pd.concat(chosen, ignore_index=True).assign(**{DECODING: pd.Series(modes, dtype=object)})


def _endless(size: int, seed: int) -> Iterator[int]:
    generator = np.random.default_rng(seed)
    while True:
        yield from generator.permutation(size).tolist()


def trl_rows(prompts: pd.DataFrame) -> dict[str, list[object]]:
    """The columns of TRL's data set: the turn that asks each prompt, and what the reward is told of it."""
    asked = [
        [{**turn, **({DECODING: mode} if mode is not None else {})} for turn in user_turn(prompt)]
        for prompt, mode in zip(prompts["prompt"], prompts[DECODING], strict=True)
    ]
    references = [None if pd.isna(reference) else reference for reference in prompts["reference"]]
    return {"prompt": asked, "kind": prompts["kind"].tolist(), "reference": references}


def check_lengths(
    prompts: pd.DataFrame, policy: Policy, settings: RlSettings, modes: Mapping[str, Mode] | None = None
) -> None:
    """Make sure that every prompt leaves room for a whole completion in every mode, in the model and in vLLM.

    Raises:
        SafeLRMError: a prompt is too long. The message names its `prompt_id`.
    """
    engine = settings.vllm.max_model_length if settings.vllm else policy.context
    key = "vllm.max_model_length" if engine < policy.context else "max_completion_tokens"
    longest, asked = min(engine, policy.context), settings.max_completion_tokens
    templates = [mode.template for mode in modes.values()] if modes else [{}]
    for prompt_id, prompt in prompts[["prompt_id", "prompt"]].drop_duplicates().itertuples(index=False):
        length = max(len(prompt_ids(policy.tokenizer, prompt, template)) for template in templates)
        if length + asked > longest:
            raise SafeLRMError(
                f"prompt_id {prompt_id}: {length} tokens and a completion of {asked} exceed {longest}",
                key=key,
                fix="ask for shorter completions, drop the prompt, or raise vLLM's length up to the model's",
            )
