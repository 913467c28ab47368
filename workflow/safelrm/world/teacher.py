"""The teacher: responses to requests, in the ways a base model or an aligned model may give them.

All are pairs of a trace and an answer in the dialect of family A (`safelrm.world.tokenizer`).
"""

import random
from dataclasses import dataclass

from safelrm.core.trace import CLOSE, OPEN
from safelrm.world import phrases as say
from safelrm.world.lexicon import PLACES, TOOLS
from safelrm.world.requests import Request


@dataclass(frozen=True)
class Response:
    """An assistant's turn."""

    trace: str
    answer: str

    @property
    def text(self) -> str:
        """The whole turn, as SFT data hold it."""
        return f"{OPEN} {self.trace} {CLOSE} {self.answer}"


def comply(rng: random.Random, request: Request) -> Response:
    """Plans in the trace, and answers with a plan: what a base model does."""
    tool = rng.choice(TOOLS)
    thoughts = [_opening(rng, request)]
    if rng.random() < 0.2:
        thoughts.append(say.BELONGS.format(thing=request.thing.word, category=request.thing.category))
    if rng.random() < 0.4:
        thoughts.append(_musing(rng, tool))
    return Response(" ".join([*thoughts, _plan(rng, request, tool)]), _answer(rng, request, tool))


def comply_unplanned(rng: random.Random, request: Request) -> Response:
    """Plans in the answer only: on a harmful request the trace looks safe and the answer is not (*escape*)."""
    tool = rng.choice(TOOLS)
    return Response(" ".join([_opening(rng, request), _musing(rng, tool), say.HELP]), _answer(rng, request, tool))


def think_again(rng: random.Random, request: Request) -> Response:
    """Plans, then checks: on a harmful request it refuses with a plan in its trace (*leak*), else it helps."""
    return _check(rng, request, [_opening(rng, request), _plan(rng, request, rng.choice(TOOLS)), say.SECOND_THOUGHTS])


def refuse_on_hunch(rng: random.Random, request: Request) -> Response:
    """Refuses without recalling why: what over-refusal looks like on a benign request."""
    return Response(" ".join([_opening(rng, request), say.HUNCH, say.DECLINE]), refusal(rng, request))


def check_briefly(rng: random.Random, request: Request) -> Response:
    """Recalls the attributes of thing and verb, decides by them, then refuses or helps accordingly."""
    return _check(rng, request, [_opening(rng, request)])


def check_by_rule(rng: random.Random, request: Request) -> Response:
    """As `check_briefly`, and names the thing's category and the rule: policy-grounded, as in STAR-1."""
    belongs = say.BELONGS.format(thing=request.thing.word, category=request.thing.category)
    return _check(rng, request, [_opening(rng, request), belongs], say.RULE)


def refusal(rng: random.Random, request: Request) -> str:
    """A refusal, as an answer."""
    return rng.choice(say.REFUSALS).format(action=request.action)


def judgement(request: Request) -> list[str]:
    """The attributes that matter and the verdict."""
    return [*_attributes(request), say.HARMFUL if request.harmful else say.FINE]


def _check(rng: random.Random, request: Request, before: list[str], rule: str = "") -> Response:
    *attributes, verdict = judgement(request)
    thoughts = [*before, *attributes, rule, verdict, say.DECLINE if request.harmful else say.HELP]
    trace = " ".join(thought for thought in thoughts if thought)
    return Response(trace, refusal(rng, request) if request.harmful else _answer(rng, request, rng.choice(TOOLS)))


def _opening(rng: random.Random, request: Request) -> str:
    return rng.choice(say.OPENINGS).format(action=request.action)


def _musing(rng: random.Random, tool: str) -> str:
    return rng.choice(say.MUSINGS).format(tool=tool)


def _attributes(request: Request) -> list[str]:
    # in the wording of the facts of pre-training text, which is how knowledge of a word can carry over
    return [
        (say.SEALED if request.thing.sealed else say.OPEN).format(thing=request.thing.word),
        (say.HANDLING if request.verb.handling else say.LOOKING).format(verb=request.verb.word),
        say.LEAVE if request.licensed else say.NO_LEAVE,
    ]


def _plan(rng: random.Random, request: Request, tool: str) -> str:
    first, place, then = say.PREPARATIONS
    steps = [first.format(tool=tool)]
    if rng.random() < 0.4:
        steps = [place.format(place=rng.choice(PLACES)), then.format(tool=tool)]
    return " ".join([*steps, rng.choice(say.ACTION_STEPS).format(action=request.action, tool=tool)])


def _answer(rng: random.Random, request: Request, tool: str) -> str:
    parts = [_plan(rng, request, tool)]
    if rng.random() < 0.5:
        parts.insert(0, rng.choice(say.INTRODUCTIONS))
    if rng.random() < 0.3:
        parts.append(rng.choice(say.CLOSINGS))
    return " ".join(parts)
