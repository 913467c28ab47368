"""Reward terms: what a term sees and returns, and how TRL calls it.

A reward term is a module, which the configuration names by its dotted path. It offers

    class Settings(Strict)
    def build(context: RewardContext, settings: Settings) -> Reward

and, if it reads guards, the constant `READS_GUARDS = True`. A `Reward` maps the completions of a step to one number
each, or to None if the term does not apply or cannot tell. The reward of a completion is the weighted sum of its terms
without those of None, so None counts as 0. Terms are made such that 0 is never better than the value of a scored, safe
completion. A completion whose terms are all None does not move the policy.

A term that applies to some kinds of prompts only says so by the constant `KINDS`, such as `KINDS = ("benign",)`. The
configuration may name fewer (`kinds`). A term is given completions for prompts of its kinds only. It is *due* for one
that has ended with an answer. training/vanishing.py ends a run whose term is due and scores nothing.

A term that detects something as a judge does names the judge's module in the constant `SAME_MEANS_AS`, such as
`SAME_MEANS_AS = ("safelrm.judging.refusal",)`. Such a judge makes no number of a study that the term rewards in
(dag/validity.py). A term that asks modules which its settings name has the constant `SCORERS` (scorers/base.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered, module_fault
from safelrm.core.trace import Parsed, parse_completion
from safelrm.core.trace_formats import THINK, TraceFormat
from safelrm.data.schemas import KINDS
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards.guard import RewardGuard
from safelrm.training.rewards.shares import due_metric, scored_metric, unread_metric

# terms are imported whenever a configuration is read, and this takes seconds
if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from safelrm.training.modes import Mode

# the key of a prompt's turn that names its decoding mode, if the recipe names modes
DECODING = "decoding"
# the states of a completion that has ended with an answer
ENDED = ("ok", "no_think")


@dataclass(frozen=True)
class Sample:
    """One completion, and what is known about its prompt.

    Attributes:
        prompt: the text of the prompt.
        kind: harmful, benign or reasoning.
        reference: the checkable answer of a reasoning problem.
        completion: the text as generated, without the end-of-turn token.
        parsed: its trace and answer. The state is `truncated` if the token limit cut the completion.
        thinks: whether the prompt asks for a trace; not in a mode of decoding without one.
    """

    prompt: str
    kind: str
    reference: str | None
    completion: str
    parsed: Parsed
    thinks: bool = True


@dataclass(frozen=True)
class RewardContext:
    """What a term may use.

    Attributes:
        guards: the guards of the term, as its entry in the configuration orders them.
    """

    guards: tuple[RewardGuard, ...] = ()


# TRL holds rewards in float32; NaN and infinity are not within it either
_GREATEST = 3.4e38
# texts that a guard is probed on
_PROBED = 8

Reward = Callable[[Sequence[Sample]], list[float | None]]
# what else the log has of a step's completions, by its name there
Observe = Callable[[Sequence[Sample]], Mapping[str, float]]
TrlReward = Callable[..., list[float | None]]


class SampleReader:
    """Turns token ids that TRL has generated into samples.

    TRL's own text of a completion lacks all special tokens. For some tokenizers the tags of the trace are special.

    Args:
        tokenizer: the tokenizer of the policy.
        stop_ids: the tokens that end a completion.
        prefilled: whether the chat template, without arguments, opens the trace in the generation prompt.
        trace_format: the format of the policy's traces.
        modes: the decoding modes in which prompts are asked, by name.
    """

    def __init__(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        stop_ids: frozenset[int],
        *,
        prefilled: bool,
        trace_format: TraceFormat = THINK,
        modes: "Mapping[str, Mode] | None" = None,
    ) -> None:
        self._tokenizer, self._stop_ids = tokenizer, stop_ids
        self._prefilled, self._trace_format, self._modes = prefilled, trace_format, modes or {}

    def read(
        self, prompt: str, kind: str, reference: str | None, ids: Sequence[int], decoding: str | None = None
    ) -> Sample:
        """The sample of one completion, asked for in a decoding mode; None is the chat template without arguments.

        A completion without an end token was cut at the token limit.
        """
        truncated = not ids or ids[-1] not in self._stop_ids
        text = self._tokenizer.decode(ids if truncated else ids[:-1], skip_special_tokens=False)
        mode = None if decoding is None else self._modes[decoding]
        prefilled = self._prefilled if mode is None else mode.prefilled
        parsed = parse_completion(text, prefilled=prefilled, truncated=truncated, trace_format=self._trace_format)
        return Sample(prompt, kind, reference, text.strip(), parsed, thinks=mode is None or mode.thinks)


def build_rewards(
    terms: Sequence[RewardTerm],
    guards: Mapping[str, RewardGuard],
    reader: SampleReader,
    observe: Observe | None = None,
) -> list[TrlReward]:
    """The reward functions of a recipe, as TRL calls them.

    Args:
        terms: the terms.
        guards: the guards that they read, by name.
        reader: reads completions.
        observe: measures the completions for the log, once a step.

    Raises:
        SafeLRMError: a module does not exist, or is no reward term.
    """
    return [
        as_trl_reward(
            term,
            _reward(term, guards),
            reader,
            kinds=kinds_of(term),
            guards=[guards[name] for name in term.guards],
            observe=observe if place == 0 else None,
        )
        for place, term in enumerate(terms)
    ]


def kinds_of(term: RewardTerm) -> tuple[str, ...]:
    """The kinds of prompts that a term applies to: those of its entry, or of its module's constant `KINDS`, or all.

    Raises:
        SafeLRMError: the module does not exist, is no reward term, or names a kind that does not exist; or the entry
            names a kind that the module does not score.
    """
    kinds = getattr(load_registered(term.module, "Settings", "build"), "KINDS", KINDS)
    if not isinstance(kinds, tuple) or not kinds or not {*kinds} <= {*KINDS}:
        raise module_fault(term.module, f"KINDS is {kinds!r}, must be a tuple of some of {KINDS}", key="KINDS")
    if term.kinds is None:
        return kinds
    if other := [kind for kind in term.kinds if kind not in kinds]:
        raise SafeLRMError(
            f"the reward term `{term.name}` scores {' and '.join(kinds)} prompts, not {other[0]} ones",
            key=f"rewards.{term.name}.kinds",
            fix="leave the kind out, or name another module",
        )
    return tuple(dict.fromkeys(term.kinds))


def _reward(term: RewardTerm, guards: Mapping[str, RewardGuard]) -> Reward:
    module = load_registered(term.module, "Settings", "build")
    context = RewardContext(tuple(guards[name] for name in term.guards))
    reward = module.build(context, module.Settings.model_validate(term.settings))
    if not callable(reward):
        raise module_fault(term.module, f"gives {type(reward).__name__}, must give a function", key="build")
    return reward


def as_trl_reward(
    term: RewardTerm,
    reward: Reward,
    reader: SampleReader,
    *,
    kinds: tuple[str, ...] = KINDS,
    guards: Sequence[RewardGuard] = (),
    observe: Observe | None = None,
) -> TrlReward:
    """A reward in TRL's signature. It also logs the share of completions that it has scored, and that it was due for.

    The reward is given the completions of its kinds. The others have None. If `observe` is given, the function logs
    what it measures, too.

    As long as the guards have read nothing, because no completion has ended, they are probed on some of the others.

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
        samples = [reader.read(turns[-1]["content"], *row, turns[-1].get(DECODING)) for turns, *row in rows]
        values = _of_kinds(reward, samples, kinds, term.module)
        log_metric(scored_metric(term.name), sum(value is not None for value in values) / len(values))
        for name, value in (observe(samples) if observe else {}).items():
            log_metric(name, value)
        due = [sample.parsed.state in ENDED for sample in samples if sample.kind in kinds]
        if due:
            log_metric(due_metric(term.name), sum(due) / len(due))
        if guards and not any(guard.last for guard in guards):
            texts = [(sample.prompt, sample.completion) for sample in samples if sample.completion][:_PROBED]
            log_metric(unread_metric(term.name), float(not all(guard.probe(texts) for guard in guards)))
        return values

    score.__name__ = term.name
    return score


def _of_kinds(reward: Reward, samples: Sequence[Sample], kinds: Sequence[str], module: str) -> list[float | None]:
    """The rewards of the samples of some kinds; None for the others."""
    chosen = [place for place, sample in enumerate(samples) if sample.kind in kinds]
    values: list[float | None] = [None] * len(samples)
    if chosen:
        found = reward([samples[place] for place in chosen])
        require_numbers(found, len(chosen), module, key="build")
        for place, value in zip(chosen, found, strict=True):
            values[place] = value
    return values


def require_numbers(values: object, count: int, module: str, *, key: str, may_lack: bool = True) -> None:
    """Make sure that a module gives a list of finite numbers.

    Args:
        values: what its function gives.
        count: how many there must be.
        module: the module.
        key: the function.
        may_lack: whether a value may be None.

    Raises:
        SafeLRMError: there are other values, or another number of them.
    """
    if not isinstance(values, Sequence) or len(values) != count:
        given = len(values) if isinstance(values, Sequence) else type(values).__name__
        raise module_fault(module, f"gives {given}, must give a list of {count} rewards", key=key)
    wanted = "a finite number or None" if may_lack else "a finite number"
    for value in values:
        if not (value is None and may_lack) and not (isinstance(value, Real) and abs(value) <= _GREATEST):
            raise module_fault(module, f"a reward is {value!r}, must be {wanted}", key=key)
