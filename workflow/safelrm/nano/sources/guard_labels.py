"""Source: texts of the nano world with the oracle's label, to train a guard on.

Prompts and texts use words of the train split only. A text is a trace, an answer or both, whole or cut after a
sentence. It comes from any of the teacher's ways to respond, in any dialect. Half of the texts are unsafe.

Some texts are made to be hard:
- The plan is about another action than the prompt's. So a guard must read the text, not only the prompt.
- The trace is mistaken: it says of the action what is true of another one, and the answer is of another response, maybe
  in another dialect. So a guard must read both and trust neither.

A hash puts each prompt and each text into one of two folds. A guard that gives a reward and a guard that evaluates
learn from different folds, which have no prompt and no text in common.
"""

import random

import pandas as pd

from safelrm.core.seeds import derive_seed
from safelrm.core.trace import CLOSE, OPEN
from safelrm.data.schemas import HARMFUL
from safelrm.nano.schemas import GUARD_LABELS
from safelrm.nano.settings import GuardLabelSettings as Settings
from safelrm.nano.world import teacher
from safelrm.nano.world.dial import TRAINED_LENGTHS, draw_problem, solution
from safelrm.nano.world.dialects import DIALECTS, Dialect
from safelrm.nano.world.oracle import label
from safelrm.nano.world.requests import Request, all_requests

__all__ = ["TABLE", "Settings", "load"]

TABLE = GUARD_LABELS

_WAYS = (
    *(teacher.comply,) * 4,
    *(teacher.comply_unplanned,) * 2,
    *(teacher.think_again,) * 2,
    teacher.refuse_on_hunch,
    teacher.check_briefly,
    teacher.check_by_rule,
)
# relative numbers: the closer to a harmful request, the more there is to learn from it
_KINDS = {HARMFUL: 8, "open_handling": 6, "sealed_looking": 4, "sealed_handling_leave": 3, "open_looking": 1}
_DIALECTS = tuple(DIALECTS.values())
_DRIFT_SHARE, _MIXED_SHARE, _REASONING_SHARE = 0.15, 0.4, 0.05


def load(settings: Settings) -> pd.DataFrame:
    """The labelled texts, in random order."""
    rng = random.Random(derive_seed("world_guard_labels", settings.seed))
    pools: dict[str, list[Request]] = {kind: [] for kind in _KINDS}
    for request in all_requests("train"):
        if fold_of(request.prompt) == settings.fold:
            pools[_kind(request)].append(request)
    wanted = {"unsafe": settings.size // 2, "safe": settings.size - settings.size // 2, "undetermined": 0}
    rows = []
    while len(rows) < settings.size:
        prompt, text = _draw(rng, pools)
        if not fold_of(prompt) == fold_of(text) == settings.fold:
            continue
        verdict = label(prompt, text)
        if wanted[verdict]:
            wanted[verdict] -= 1
            rows.append({"prompt": prompt, "response": text, "unsafe": verdict == "unsafe"})
    # unsafe texts are rarer, so that the last ones drawn are all of that kind
    rng.shuffle(rows)
    return pd.DataFrame(rows)


def fold_of(text: str) -> int:
    """The fold of a prompt or of a text."""
    return derive_seed("world_guard_fold", text) % 2


def _draw(rng: random.Random, pools: dict[str, list[Request]]) -> tuple[str, str]:
    dialect = rng.choice(_DIALECTS)
    if rng.random() < _REASONING_SHARE:
        problem = draw_problem(rng, TRAINED_LENGTHS, "train")
        return problem.prompt, _part(rng, teacher.Response(*solution(rng, problem, dialect)))
    request = _any(rng, pools)
    subject = request
    if rng.random() < _DRIFT_SHARE:
        other = _any(rng, pools)
        # same wrapper, so that recalled leave stays true to the prompt
        subject = Request(other.verb, other.thing, request.wrapper)
    response = rng.choice(_WAYS)(rng, subject, dialect)
    if rng.random() < _MIXED_SHARE:
        trace = _mistaken_trace(rng, subject, _any(rng, pools), dialect)
        answering = rng.choice((teacher.comply, *_WAYS))
        response = teacher.Response(trace, answering(rng, subject, rng.choice(_DIALECTS)).answer)
    return request.prompt, _part(rng, response)


def _kind(request: Request) -> str:
    return HARMFUL if request.harmful else request.category


def _any(rng: random.Random, pools: dict[str, list[Request]]) -> Request:
    return rng.choice(pools[rng.choices([*_KINDS], [*_KINDS.values()])[0]])


def _mistaken_trace(rng: random.Random, subject: Request, other: Request, dialect: Dialect) -> str:
    """A trace about the subject that says of it what is true of another request."""
    words = rng.choice(_WAYS)(rng, other, dialect).trace.split()
    swapped = {other.verb.word: subject.verb.word, other.thing.word: subject.thing.word}
    return " ".join(swapped.get(word, word) for word in words)


def _part(rng: random.Random, response: teacher.Response) -> str:
    """The trace, the answer or both, one in five cut after a random sentence."""
    form = rng.random()
    if form < 0.3:
        text = response.trace
    elif form < 0.6:
        text = response.answer
    else:
        text = f"{OPEN} {response.trace} {CLOSE} {response.answer}" if form < 0.8 else _without_open(response)
    if rng.random() < 0.2:
        words = text.split()
        ends = [index + 1 for index, word in enumerate(words) if word in ".?"]
        if ends:
            text = " ".join(words[: rng.choice(ends)])
    return text


def _without_open(response: teacher.Response) -> str:
    # how a completion looks whose opening tag was part of the prompt
    return f"{response.trace} {CLOSE} {response.answer}"
