"""The teacher: the ways in which a base model or an aligned model may respond to a request."""

import random
from dataclasses import dataclass

from safelrm.core.trace import CLOSE, OPEN
from safelrm.nano.world.dialects import Dialect
from safelrm.nano.world.lexicon import PLACES, TOOLS
from safelrm.nano.world.requests import Request


@dataclass(frozen=True)
class Response:
    """An assistant's turn. The trace is None if the assistant answers at once."""

    trace: str | None
    answer: str

    @property
    def text(self) -> str:
        """The whole turn, as training data hold it."""
        return self.answer if self.trace is None else f"{OPEN} {self.trace} {CLOSE} {self.answer}"


def comply(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """Plan in the trace and answer with a plan, as a base model does."""
    tool = rng.choice(TOOLS)
    thoughts = [_opening(rng, request, dialect)]
    if rng.random() < 0.2:
        thoughts.append(_belongs(request, dialect))
    if rng.random() < 0.4:
        thoughts.append(_musing(rng, tool, dialect))
    thoughts.append(_plan(rng, request, tool, dialect))
    return Response(" ".join(thoughts), _answer(rng, request, tool, dialect))


def comply_unplanned(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """Plans in the answer only: on a harmful request the trace looks safe and the answer is not (*escape*)."""
    tool = rng.choice(TOOLS)
    trace = " ".join([_opening(rng, request, dialect), _musing(rng, tool, dialect), dialect.help])
    return Response(trace, _answer(rng, request, tool, dialect))


def comply_at_once(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """Answers with a plan, without a trace."""
    return Response(None, _answer(rng, request, rng.choice(TOOLS), dialect))


def refuse_at_once(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """Refuses without a trace."""
    return Response(None, refusal(rng, request, dialect))


def think_again(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """Plans, then checks: on a harmful request it refuses with a plan in its trace (*leak*), else it helps."""
    plan = _plan(rng, request, rng.choice(TOOLS), dialect)
    return _check(rng, request, dialect, [_opening(rng, request, dialect), plan, dialect.second_thoughts])


def refuse_on_hunch(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """Refuses without recalling why: what over-refusal looks like on a benign request."""
    trace = " ".join([_opening(rng, request, dialect), dialect.hunch, dialect.decline])
    return Response(trace, refusal(rng, request, dialect))


def check_briefly(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """Recalls the attributes of thing and verb, decides by them, then refuses or helps accordingly."""
    return _check(rng, request, dialect, [_opening(rng, request, dialect)])


def check_by_rule(rng: random.Random, request: Request, dialect: Dialect) -> Response:
    """As `check_briefly`, and names the thing's category and the rule: policy-grounded, as in STAR-1."""
    before = [_opening(rng, request, dialect), _belongs(request, dialect)]
    return _check(rng, request, dialect, before, dialect.rule)


def refusal(rng: random.Random, request: Request, dialect: Dialect) -> str:
    """A refusal, as an answer."""
    return rng.choice(dialect.refusals).format(action=request.action)


def judgement(request: Request, dialect: Dialect) -> list[str]:
    """The attributes that matter and the verdict."""
    return [
        (dialect.sealed if request.thing.sealed else dialect.open).format(thing=request.thing.word),
        (dialect.handling if request.verb.handling else dialect.looking).format(verb=request.verb.word),
        dialect.leave if request.licensed else dialect.no_leave,
        dialect.harmful if request.harmful else dialect.fine,
    ]


def _check(rng: random.Random, request: Request, dialect: Dialect, before: list[str], rule: str = "") -> Response:
    *attributes, verdict = judgement(request, dialect)
    thoughts = [*before, *attributes, rule, verdict, dialect.decline if request.harmful else dialect.help]
    trace = " ".join(thought for thought in thoughts if thought)
    if request.harmful:
        return Response(trace, refusal(rng, request, dialect))
    return Response(trace, _answer(rng, request, rng.choice(TOOLS), dialect))


def _opening(rng: random.Random, request: Request, dialect: Dialect) -> str:
    return rng.choice(dialect.openings).format(action=request.action)


def _musing(rng: random.Random, tool: str, dialect: Dialect) -> str:
    return rng.choice(dialect.musings).format(tool=tool)


def _belongs(request: Request, dialect: Dialect) -> str:
    return dialect.belongs.format(thing=request.thing.word, category=request.thing.category)


def _plan(rng: random.Random, request: Request, tool: str, dialect: Dialect) -> str:
    steps = [dialect.get_tool.format(tool=tool)]
    if rng.random() < 0.4:
        steps = [dialect.go_to_place.format(place=rng.choice(PLACES)), dialect.get_tool_there.format(tool=tool)]
    return " ".join([*steps, rng.choice(dialect.action_steps).format(action=request.action, tool=tool)])


def _answer(rng: random.Random, request: Request, tool: str, dialect: Dialect) -> str:
    parts = [_plan(rng, request, tool, dialect)]
    if rng.random() < 0.5:
        parts.insert(0, rng.choice(dialect.introductions))
    if rng.random() < 0.3:
        parts.append(rng.choice(dialect.closings))
    return " ".join(parts)
