"""The written variants of safety SFT data: how each one responds to a request, in sentences of the dialects.

Each variant does what a published data set is known for, said with the sentences of the world. What such data do to a
model is partly built in by these rules and by the shares below, which are set by hand. So the source of them declares
BUILT_IN, and claims are made between sampled variants only.

The six variants of LRM-Safety-Study (arXiv 2505.15404, version 2) differ in their harmful rows. Their benign rows are
the same, as in that study: the teacher's own responses.

    default       direct distillation: the teacher's own traces, of which most have a risky pattern; the answer is safe
    realsafe      every trace names the harm at once, and may still weigh or bargain
    improved      names the harm, weighs nothing, gives no detail, decides, and the refusal opens in one way
    short         the attributes and the verdict alone
    template      a fixed form: category, thing, verb, leave, verdict
    no_cot        an empty trace, and always the same refusal
    star1         cites the category and the rule, also to benign requests (STAR-1)
    safechain     the teacher's own traces, kept if trace and answer are both safe (SafeChain)
    alttrain      understands the problem, says in one sentence whether it is harmful, and goes on only if it is not
                  (AltTrain, arXiv 2604.18946)
    verification  decides, and checks the decision before it answers (after SInternal, arXiv 2605.08930, whose data
                  ask for verdicts on answers; here the check stands in the trace, since all variants share prompts)

The risky patterns are those of LRM-Safety-Study: lack of safety awareness, strong and weak vacillation, harmful
additions, inconsistency.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from safelrm.core.seeds import derive_seed
from safelrm.nano.world.dialects import Dialect
from safelrm.nano.world.lexicon import TOOLS
from safelrm.nano.world.requests import Request
from safelrm.nano.world.teacher import (
    Response,
    check_briefly,
    check_by_rule,
    comply,
    comply_unplanned,
    judgement,
    refusal,
    refuse_on_hunch,
    think_again,
)

VariantName = Literal[
    "default",
    "realsafe",
    "improved",
    "short",
    "template",
    "no_cot",
    "star1",
    "safechain",
    "alttrain",
    "verification",
]
Trace = Callable[[random.Random, Request, Dialect], str]
Respond = Callable[[random.Random, Request, Dialect], Response]
Refuse = Trace
Way = TypeVar("Way", Trace, Respond)

_FIRST_SENTENCE = re.compile(r"(?<=[.?]) ")


def lack_awareness(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """Means to help and never names the harm: lack of safety awareness, and inconsistent with a refusal."""
    return comply_unplanned(rng, request, dialect).trace or ""


def add_harm(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """Plans the action, then checks it: harmful additions."""
    return think_again(rng, request, dialect).trace or ""


def weigh(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """Wants to help, then checks: strong vacillation, without a plan."""
    opening, checked = _split(_check(rng, request, dialect))
    return " ".join((opening, _musing(rng, dialect), dialect.help, dialect.second_thoughts, checked))


def bargain(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """Declines, then looks for a way round, then declines again: weak vacillation."""
    checked = _check(rng, request, dialect)
    return " ".join((checked, dialect.second_thoughts, _musing(rng, dialect), dialect.decline))


def hunch(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """Names the harm without a reason."""
    return refuse_on_hunch(rng, request, dialect).trace or ""


def cite_rule(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """Names the category, the attributes and the rule, then decides."""
    return check_by_rule(rng, request, dialect).trace or ""


def assess(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """The request, the attributes, the rule, the verdict and the decision: no risky pattern."""
    *attributes, verdict = judgement(request, dialect)
    opening, _ = _split(_check(rng, request, dialect))
    return " ".join((opening, *attributes, dialect.rule, verdict, dialect.decline))


def judge_briefly(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """The attributes and the verdict."""
    return " ".join(judgement(request, dialect))


def fill_in_form(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """The category, the attributes and the verdict, always in the same words and order."""
    category = dialect.belongs.format(thing=request.thing.word, category=request.thing.category)
    return " ".join((category, *judgement(request, dialect)))


def think_nothing(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """An empty trace."""
    return ""


def stop_at_harm(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """AltTrain on a harmful request: what is asked, then one sentence with verdict and reason, then no more."""
    opening, _ = _split(_check(rng, request, dialect))
    return f"{opening} {dialect.rule}"


def verify(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """Decides, then checks the decision once more."""
    return f"{_check(rng, request, dialect)} {_second_look(request, dialect)}"


def noticing(trace: Trace) -> Trace:
    """The same trace, in which a hunch of harm follows the first sentence."""

    def noticed(rng: random.Random, request: Request, dialect: Dialect) -> str:
        opening, rest = _split(trace(rng, request, dialect))
        return f"{opening} {dialect.hunch} {rest}"

    return noticed


def go_on_if_fine(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """AltTrain on a benign request: what is asked, the verdict, then the teacher's own reasoning and answer."""
    response = comply(rng, request, dialect)
    opening, rest = _split(response.trace or "")
    return Response(f"{opening} {dialect.fine} {rest}", response.answer)


def help_verified(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """Decides to help, checks the decision, and helps."""
    response = check_briefly(rng, request, dialect)
    return Response(f"{response.trace} {_second_look(request, dialect)}", response.answer)


def refuse_in_one_way(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """Always the same refusal: family A's opens with an apology, family B's declines."""
    return dialect.refusals[0]


def _check(rng: random.Random, request: Request, dialect: Dialect) -> str:
    return check_briefly(rng, request, dialect).trace or ""


def _second_look(request: Request, dialect: Dialect) -> str:
    return " ".join((dialect.recheck, *judgement(request, dialect)))


def _musing(rng: random.Random, dialect: Dialect) -> str:
    return rng.choice(dialect.musings).format(tool=rng.choice(TOOLS))


def _split(trace: str) -> list[str]:
    """The first sentence, which says what is asked, and the rest."""
    return _FIRST_SENTENCE.split(trace, maxsplit=1)


# how often the teacher responds in each of its own ways to benign requests
_OWN: Mapping[Respond, int] = {think_again: 3, check_briefly: 1, comply: 1}


@dataclass(frozen=True)
class Variant:
    """A written variant.

    Attributes:
        harmful: the traces before a refusal, and how often each is drawn, relative to the others.
        benign: the responses to benign requests, and how often each is drawn.
        refuse: the refusal.
    """

    harmful: Mapping[Trace, int]
    benign: Mapping[Respond, int]
    refuse: Refuse = refusal


VARIANTS: Mapping[VariantName, Variant] = {
    # that study finds a pattern in all but 6.6 % of its distilled traces: here in all but one of fifteen
    "default": Variant({add_harm: 5, lack_awareness: 3, weigh: 3, bargain: 3, _check: 1}, _OWN),
    "realsafe": Variant({noticing(_check): 2, noticing(weigh): 1, noticing(bargain): 1}, _OWN),
    "improved": Variant({assess: 1}, _OWN, refuse_in_one_way),
    "short": Variant({judge_briefly: 1}, _OWN),
    "template": Variant({fill_in_form: 1}, _OWN),
    "no_cot": Variant({think_nothing: 1}, _OWN, refuse_in_one_way),
    "star1": Variant({cite_rule: 1}, {check_by_rule: 1}),
    "safechain": Variant({_check: 2, weigh: 1, hunch: 1}, _OWN),
    "alttrain": Variant({stop_at_harm: 1}, {go_on_if_fine: 1}),
    "verification": Variant({verify: 1}, {help_verified: 1}),
}


def respond(variant: VariantName, request: Request, dialect: Dialect, seed: int) -> Response:
    """The response of a variant to a request.

    It depends on the variant, the prompt, the dialect and the seed, and not on other requests. Variants that refuse
    freely give the same refusal to the same prompt, so that they differ in their traces alone.
    """
    written = VARIANTS[variant]
    rng = random.Random(derive_seed("world_variant", request.prompt, seed))
    if not request.harmful:
        return _drawn(rng, written.benign)(rng, request, dialect)
    # drawn first, so that it does not depend on the trace
    answer = written.refuse(rng, request, dialect)
    return Response(_drawn(rng, written.harmful)(rng, request, dialect), answer)


def _drawn(rng: random.Random, ways: Mapping[Way, int]) -> Way:
    return rng.choices([*ways], [*ways.values()])[0]
