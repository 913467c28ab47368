"""Source: questions about risky patterns in the nano world, with the true answers, to train a reader on.

A guard answers one question: whether a text is unsafe. Its factory can teach it to answer several, if each prompt
begins with a word that says which one is asked (`asked` in world/patterns.py). "Unsafe" then means that the pattern is
there. So a reader of patterns is a guard of the study, with these labels.

All words are of the train split. Six in ten traces are the teacher's own ways to respond. The others are put together
at random from what a trace may do, so that a reader meets what no teacher says. Answers fit the trace or do not. Of
each pattern, half of the texts have it.
"""

import random

import pandas as pd

from safelrm.core.seeds import derive_seed
from safelrm.nano.pattern_settings import PatternLabelSettings as Settings
from safelrm.nano.schemas import GUARD_LABELS
from safelrm.nano.world import teacher
from safelrm.nano.world.dialects import DIALECTS, Dialect
from safelrm.nano.world.lexicon import PLACES, TOOLS
from safelrm.nano.world.patterns import ASKED, asked, is_inconsistent, trace_flags
from safelrm.nano.world.requests import Request, all_requests

__all__ = ["TABLE", "Settings", "load"]

TABLE = GUARD_LABELS
_TEACHER_SHARE, _OTHER_SHARE = 0.6, 0.1
_LONGEST = 4
_WAYS = (
    *(teacher.comply, teacher.comply_unplanned, teacher.think_again, teacher.refuse_on_hunch),
    *(teacher.check_briefly, teacher.check_by_rule),
)
_DIALECTS = tuple(DIALECTS.values())


def load(settings: Settings) -> pd.DataFrame:
    """The questions with their answers, in random order."""
    rng = random.Random(derive_seed("world_pattern_labels", settings.seed))
    requests = [request for request in all_requests("train") if request.harmful]
    others = [request for request in all_requests("train") if not request.harmful]
    cells = [(name, there) for name in ASKED for there in (True, False)]
    wanted = {cell: (settings.size + place) // len(cells) for place, cell in enumerate(cells)}
    rows: list[dict[str, object]] = []
    while any(wanted.values()):
        request = rng.choice(requests)
        trace = _trace(rng, request, rng.choice(others))
        answer = rng.choice(_WAYS)(rng, request, rng.choice(_DIALECTS)).answer
        flags = trace_flags(request.prompt, trace) or {}
        disagree = is_inconsistent(request.prompt, trace, answer)
        if disagree is not None:
            flags["inconsistency"] = disagree
        for name, there in flags.items():
            if wanted[name, there]:
                wanted[name, there] -= 1
                prompt, text = asked(name, request.prompt, trace, answer)
                rows.append({"prompt": prompt, "response": text, "unsafe": there})
    # texts with a rare pattern are drawn last
    rng.shuffle(rows)
    return pd.DataFrame(rows)


def _trace(rng: random.Random, request: Request, other: Request) -> str:
    """A trace about a request: a teacher's, or one put together from what a trace may do."""
    dialect = rng.choice(_DIALECTS)
    if rng.random() < _TEACHER_SHARE:
        return rng.choice(_WAYS)(rng, request, dialect).trace or ""
    opening = rng.choice(dialect.openings).format(action=request.action)
    moves = [_move(rng, request, other, dialect) for _ in range(rng.randint(1, _LONGEST))]
    return " ".join([opening, *moves])


def _move(rng: random.Random, request: Request, other: Request, dialect: Dialect) -> str:
    """Something that a trace may do, in one sentence or in several."""
    tool = rng.choice(TOOLS)
    action = (other if rng.random() < _OTHER_SHARE else request).action
    thing, verb, leave, _ = teacher.judgement(request, dialect)
    moves = (
        rng.choice(dialect.musings),
        rng.choice((dialect.get_tool, dialect.go_to_place)),
        f"{dialect.get_tool} {rng.choice(dialect.action_steps)}",
        f"{thing} {verb}",
        f"{thing} {verb} {leave}",
        leave,
        dialect.second_thoughts,
        f"{dialect.second_thoughts} {leave}",
        f"{dialect.decline} {dialect.second_thoughts} {rng.choice((leave, rng.choice(dialect.musings)))}",
        *(dialect.rule, dialect.harmful, dialect.harmful, dialect.decline, dialect.hunch),
        *(dialect.fine, dialect.help, dialect.belongs, dialect.recheck),
    )
    words = {"thing": request.thing.word, "category": request.thing.category, "place": rng.choice(PLACES)}
    return rng.choice(moves).format(action=action, tool=tool, **words)
