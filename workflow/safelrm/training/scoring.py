"""Reward terms as TRL calls them."""

import math
from collections.abc import Callable, Sequence
from importlib import import_module

from transformers import PreTrainedTokenizerBase

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.training.rewards.base import Reward, RewardContext, Sample
from safelrm.training.settings import RewardTerm

TrlReward = Callable[..., list[float | None]]


class SampleReader:
    """Turns token ids that TRL generated into samples.

    TRL's own text of a completion lacks all special tokens, which for some tokenizers include
    those of the trace.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop_ids: frozenset[int], *, prefilled: bool) -> None:
        self._tokenizer, self._stop_ids, self._prefilled = tokenizer, stop_ids, prefilled

    def read(self, prompt: str, kind: str, reference: str | None, ids: Sequence[int]) -> Sample:
        """The sample of one completion; without an end token it was cut at the limit."""
        truncated = not ids or ids[-1] not in self._stop_ids
        text = self._tokenizer.decode(ids if truncated else ids[:-1], skip_special_tokens=False)
        parsed = parse_completion(text, prefilled=self._prefilled, truncated=truncated)
        return Sample(prompt, kind, reference, text.strip(), parsed)


def build_rewards(terms: Sequence[RewardTerm], context: RewardContext, reader: SampleReader) -> list[TrlReward]:
    """The reward functions of a recipe.

    Raises:
        SafeLRMError: a module does not exist or is no reward term.
    """
    return [as_trl_reward(term.name, _load(term.module)(context), reader) for term in terms]


def _load(module: str) -> Callable[[RewardContext], Reward]:
    try:
        return import_module(module).build
    except (ModuleNotFoundError, AttributeError) as error:
        raise SafeLRMError(
            f"{module} is no reward term ({error})",
            key="rewards.module",
            fix="choose a module of safelrm.training.rewards",
        ) from error


def as_trl_reward(name: str, reward: Reward, reader: SampleReader) -> TrlReward:
    """A reward in TRL's signature; it also logs for how many completions it had a value.

    Raises:
        SafeLRMError: a value is NaN or infinite. (To TRL, NaN means "does not apply".)
    """

    def score(
        prompts: Sequence[list[dict[str, str]]],
        completion_ids: Sequence[Sequence[int]],
        kind: Sequence[str],
        reference: Sequence[str | None],
        log_metric: Callable[[str, float], None],
        **_: object,
    ) -> list[float | None]:
        rows = zip(prompts, kind, reference, completion_ids, strict=True)
        values = reward([reader.read(turns[-1]["content"], *row) for turns, *row in rows])
        for value in values:
            if value is not None and not math.isfinite(value):
                raise SafeLRMError(f"the reward is {value}", key=name, fix="check the reward term and its guard")
        log_metric(f"scored/{name}", sum(value is not None for value in values) / len(values))
        return values

    score.__name__ = name
    return score
