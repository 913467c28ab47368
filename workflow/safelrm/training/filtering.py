"""Dropping prompts that cannot teach: those whose completions all earn the same reward, before training.

In a group of equal rewards every advantage is 0. A prompt that the policy always answers alike, by the reward, costs
rollouts and moves nothing. The report of Qwen3Guard (section 3.5) drops such prompts for Qwen3-4B-SafeRL.

The policy samples some completions for each prompt, in each decoding mode, as it will in training. A prompt is kept if
the rewards of its completions differ in one of the modes. What is known of each chunk of prompts is kept in a file, so
a job that was killed goes on. A chunk has random numbers of its own, so it does not matter where the job was killed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from accelerate.utils import gather_object, set_seed

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json
from safelrm.core.process import is_first_process
from safelrm.core.seeds import derive_seed
from safelrm.training.processes import process_count, process_rank
from safelrm.training.prompts import trl_rows
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards.base import DECODING, TrlReward
from safelrm.training.sampling_settings import PromptFilter

FOLDER = "prompt_filter"
_TABLE, _PLACE = "table", "place"
# completions of some prompts, given as rows of `trl_rows`, as token ids
Sampler = Callable[[Mapping[str, Sequence[object]]], Sequence[Sequence[int]]]


@dataclass(frozen=True)
class Kept:
    """What a filter has kept.

    Attributes:
        tables: rows of PROMPTS by data set.
        tokens: completion tokens that were sampled to find them.
    """

    tables: dict[str, pd.DataFrame]
    tokens: int


def filtered_prompts(
    tables: Mapping[str, pd.DataFrame],
    decodings: Sequence[str],
    settings: PromptFilter,
    *,
    sampler: Sampler,
    reward: Callable[[Mapping[str, Sequence[object]], Sequence[Sequence[int]]], Sequence[float | None]],
    completions: int,
    work: Path,
    seed: int,
) -> Kept:
    """The prompts whose completions do not all earn the same reward.

    Args:
        tables: rows of PROMPTS by data set.
        decodings: the decoding modes of the recipe; none: the chat template without arguments.
        settings: the filter of the recipe.
        sampler: samples one completion for each row.
        reward: the reward of each completion; None if no term of the reward applies.
        completions: the most completions that are sampled at once.
        work: the folder for the state of the job.
        seed: seed of the completions.

    Raises:
        SafeLRMError: no prompt of a data set is kept.
    """
    asked = _asked(tables, decodings)
    size = max(1, completions // settings.samples)
    spreads, tokens = [], 0
    for start in range(0, len(asked), size):
        path = work / FOLDER / f"{start}.json"
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
        else:
            set_seed(derive_seed(seed, FOLDER, start), device_specific=True)
            found = _measured(asked.iloc[start : start + size], settings.samples, sampler, reward)
            if is_first_process():
                write_json(path, found)
        spreads += found["spreads"]
        tokens += found["tokens"]
    best = asked.assign(spread=spreads).groupby([_TABLE, _PLACE])["spread"].max()
    kept = {name: table[(best[name] >= settings.min_spread).to_numpy()] for name, table in tables.items()}
    for name, table in tables.items():
        print(f"prompt filter: {len(kept[name])} of {len(table)} prompts of `{name}` are kept", flush=True)
    _check_rest(kept, settings)
    return Kept(kept, tokens)


def _asked(tables: Mapping[str, pd.DataFrame], decodings: Sequence[str]) -> pd.DataFrame:
    """Every prompt in every mode. Prompts of a data set follow each other, in the order of its table."""
    rows = [table.assign(**{_TABLE: name, _PLACE: range(len(table))}) for name, table in tables.items()]
    once = pd.concat(rows, ignore_index=True)
    modes = [once.assign(**{DECODING: pd.Series([mode] * len(once), dtype=object)}) for mode in decodings or [None]]
    return pd.concat(modes, ignore_index=True)


def _measured(
    asked: pd.DataFrame,
    samples: int,
    sampler: Sampler,
    reward: Callable[[Mapping[str, Sequence[object]], Sequence[Sequence[int]]], Sequence[float | None]],
) -> dict[str, object]:
    """The spread of the rewards of each prompt, and the tokens sampled. The processes of the job share the prompts."""
    own = asked.iloc[process_rank() :: process_count()]
    found: list[tuple[int, float, int]] = []
    if len(own):
        rows = trl_rows(own.loc[own.index.repeat(samples)])
        ids = sampler(rows)
        values = reward(rows, ids)
        for number, place in enumerate(own.index):
            part = slice(number * samples, (number + 1) * samples)
            found.append((int(place), _spread(values[part]), sum(len(one) for one in ids[part])))
    every = sorted(gather_object(found))
    return {"spreads": [spread for _, spread, _ in every], "tokens": sum(tokens for *_, tokens in every)}


def _spread(rewards: Sequence[float | None]) -> float:
    scored = [value for value in rewards if value is not None]
    return max(scored) - min(scored) if scored else 0.0


def _check_rest(kept: Mapping[str, pd.DataFrame], settings: PromptFilter) -> None:
    empty = [name for name, table in kept.items() if table.empty]
    if empty:
        raise SafeLRMError(
            f"the filter keeps no prompt of {empty}: the {settings.samples} completions of each earn rewards within"
            f" {settings.min_spread:g} of each other",
            key="prompt_filter",
            fix="take prompts that the policy sometimes fails, raise `samples` or lower `min_spread`, or leave these"
            " data sets out of `prompts`",
        )


def weighted_reward(
    terms: Sequence[RewardTerm], functions: Sequence[TrlReward], rows: Mapping[str, Sequence[object]], ids: object
) -> list[float | None]:
    """The reward of each completion, as TRL sums it: of the terms that apply; None if none does.

    Args:
        terms: the terms of the reward.
        functions: their functions, in the same order.
        rows: what is asked, as `trl_rows` gives it.
        ids: the completions as token ids.
    """
    told = {name: values for name, values in rows.items() if name != "prompt"}
    columns = [
        function(prompts=rows["prompt"], completion_ids=ids, log_metric=lambda *_: None, **told)
        for function in functions
    ]
    weights = [term.weight for term in terms]
    return [_sum(weights, values) for values in zip(*columns, strict=True)]


def _sum(weights: Sequence[float], values: Sequence[float | None]) -> float | None:
    scored = [weight * value for weight, value in zip(weights, values, strict=True) if value is not None]
    return sum(scored) if scored else None
