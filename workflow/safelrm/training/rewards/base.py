"""Reward terms: what a term sees and returns, and how TRL calls it.

A reward term is a module with one function::

    def build(context: RewardContext) -> Reward

A `Reward` maps the completions of a step to one number each, or to None if the term does not apply or cannot tell. The
reward of a completion is the weighted sum of its terms without those of None, so None counts as 0. Terms are made such
that 0 is never better than the value of a scored, safe completion. A completion whose terms are all None does not move
the policy.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from transformers import PreTrainedTokenizerBase

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import Parsed, parse_completion
from safelrm.inference.readings import GuardReader
from safelrm.training.settings import RewardTerm


@dataclass(frozen=True)
class Sample:
    """One completion, and what is known about its prompt.

    Attributes:
        prompt: the text of the prompt.
        kind: harmful, benign or reasoning.
        reference: the checkable answer of a reasoning problem.
        completion: the text as generated, without the end-of-turn token.
        parsed: its trace and answer. The state is `truncated` if the token limit cut the completion.
    """

    prompt: str
    kind: str
    reference: str | None
    completion: str
    parsed: Parsed


@dataclass(frozen=True)
class RewardContext:
    """What terms may use.

    Attributes:
        guard: the guard of the recipe.
        min_label_mass: the least probability of the guard's labels together for which a reading counts.
    """

    guard: GuardReader
    min_label_mass: float


Reward = Callable[[Sequence[Sample]], list[float | None]]
TrlReward = Callable[..., list[float | None]]


class SampleReader:
    """Turns token ids that TRL has generated into samples.

    TRL's own text of a completion lacks all special tokens. For some tokenizers the tags of the trace are special.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop_ids: frozenset[int], *, prefilled: bool) -> None:
        self._tokenizer, self._stop_ids, self._prefilled = tokenizer, stop_ids, prefilled

    def read(self, prompt: str, kind: str, reference: str | None, ids: Sequence[int]) -> Sample:
        """The sample of one completion. A completion without an end token was cut at the token limit."""
        truncated = not ids or ids[-1] not in self._stop_ids
        text = self._tokenizer.decode(ids if truncated else ids[:-1], skip_special_tokens=False)
        parsed = parse_completion(text, prefilled=self._prefilled, truncated=truncated)
        return Sample(prompt, kind, reference, text.strip(), parsed)


def build_rewards(terms: Sequence[RewardTerm], context: RewardContext, reader: SampleReader) -> list[TrlReward]:
    """The reward functions of a recipe, as TRL calls them.

    Raises:
        SafeLRMError: a module does not exist, or is no reward term.
    """
    return [as_trl_reward(term.name, _load(term.module)(context), reader) for term in terms]


def _load(module: str) -> Callable[[RewardContext], Reward]:
    try:
        return import_module(module).build
    except (ModuleNotFoundError, AttributeError) as error:
        raise SafeLRMError(
            f"{module} is not a reward term ({error})",
            key="rewards.module",
            fix="choose a module of safelrm.training.rewards",
        ) from error


def as_trl_reward(name: str, reward: Reward, reader: SampleReader) -> TrlReward:
    """A reward in TRL's signature. It also logs the share of completions for which it has a value.

    The function raises SafeLRMError if a value is NaN or infinite, because TRL takes NaN for "does not apply".
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
