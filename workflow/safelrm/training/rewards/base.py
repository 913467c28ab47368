"""Reward terms: what a term sees and returns, and how TRL calls it.

A reward term is a module, which the configuration names by its dotted path. It offers

    class Settings(Strict)
    def build(context: RewardContext, settings: Settings) -> Reward

and, if it reads guards, the constant `READS_GUARDS = True`. A `Reward` maps the completions of a step to one number
each, or to None if the term does not apply or cannot tell. The reward of a completion is the weighted sum of its terms
without those of None, so None counts as 0. Terms are made such that 0 is never better than the value of a scored, safe
completion. A completion whose terms are all None does not move the policy.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

from safelrm.core.registered import load_registered, module_fault
from safelrm.core.trace import Parsed, parse_completion
from safelrm.inference.schemas import Pair
from safelrm.training.settings import RewardTerm

# terms are imported whenever a configuration is read, and these take seconds
if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from safelrm.inference.readings import GuardReader


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
class RewardGuard:
    """A guard that a term reads.

    Attributes:
        reader: the guard.
        min_label_mass: the least probability of the guard's labels together for which a reading counts.
    """

    reader: "GuardReader"
    min_label_mass: float

    def p_unsafe(self, pairs: Sequence[Pair]) -> list[float | None]:
        """P(unsafe) of each pair of a prompt and a text; None if the text is too long, or the answer is no label."""
        readings = self.reader.read(pairs)
        return [
            None if reading is None or reading.label_mass < self.min_label_mass else reading.p_unsafe
            for reading in readings
        ]


@dataclass(frozen=True)
class RewardContext:
    """What a term may use.

    Attributes:
        guards: the guards of the term, as its entry in the configuration orders them.
    """

    guards: tuple[RewardGuard, ...] = ()


Reward = Callable[[Sequence[Sample]], list[float | None]]
TrlReward = Callable[..., list[float | None]]


class SampleReader:
    """Turns token ids that TRL has generated into samples.

    TRL's own text of a completion lacks all special tokens. For some tokenizers the tags of the trace are special.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", stop_ids: frozenset[int], *, prefilled: bool) -> None:
        self._tokenizer, self._stop_ids, self._prefilled = tokenizer, stop_ids, prefilled

    def read(self, prompt: str, kind: str, reference: str | None, ids: Sequence[int]) -> Sample:
        """The sample of one completion. A completion without an end token was cut at the token limit."""
        truncated = not ids or ids[-1] not in self._stop_ids
        text = self._tokenizer.decode(ids if truncated else ids[:-1], skip_special_tokens=False)
        parsed = parse_completion(text, prefilled=self._prefilled, truncated=truncated)
        return Sample(prompt, kind, reference, text.strip(), parsed)


def build_rewards(
    terms: Sequence[RewardTerm], guards: Mapping[str, RewardGuard], reader: SampleReader
) -> list[TrlReward]:
    """The reward functions of a recipe, as TRL calls them.

    Args:
        terms: the terms.
        guards: the guards that they read, by name.
        reader: reads completions.

    Raises:
        SafeLRMError: a module does not exist, or is no reward term.
    """
    return [as_trl_reward(term, _reward(term, guards), reader) for term in terms]


def _reward(term: RewardTerm, guards: Mapping[str, RewardGuard]) -> Reward:
    module = load_registered(term.module, "Settings", "build")
    context = RewardContext(tuple(guards[name] for name in term.guards))
    reward = module.build(context, module.Settings.model_validate(term.settings))
    if not callable(reward):
        raise module_fault(term.module, f"gives {type(reward).__name__}, must give a function", key="build")
    return reward


def as_trl_reward(term: RewardTerm, reward: Reward, reader: SampleReader) -> TrlReward:
    """A reward in TRL's signature. It also logs the share of completions for which it has a value.

    The function raises SafeLRMError if there is not one number for each completion, or a number is NaN or infinite:
    TRL takes NaN for "does not apply".
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
        _require_numbers(values, len(completion_ids), term.module)
        log_metric(f"scored/{term.name}", sum(value is not None for value in values) / len(values))
        return values

    score.__name__ = term.name
    return score


def _require_numbers(values: object, count: int, module: str) -> None:
    if not isinstance(values, Sequence) or len(values) != count:
        given = len(values) if isinstance(values, Sequence) else type(values).__name__
        raise module_fault(module, f"gives {given}, must give a list of {count} rewards", key="build")
    for value in values:
        if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
            raise module_fault(module, f"a reward is {value!r}, must be a finite number or None", key="build")
