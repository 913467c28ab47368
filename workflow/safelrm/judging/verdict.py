"""The verdict in a judge's reply, where texts of others may stand, too.

A judge may quote its question, give an example, think aloud, or repeat what the judged text says. That text may hold a
verdict of its own, to be taken for the judge's. So these rules hold:

1. The judge's own trace is not read. What stands before the last `marker` of the settings is not read, either.
2. The last verdict counts. Of JSON it is the last object that holds a key of the judge's fields, and all fields are
   read from that one object. Of a pattern it is the last match.
3. A field is unreadable if its key is given again after that object, or in a malformed object around it (the judge's
   last words are malformed then), if one object gives it two values, or if the reply was cut.
4. Where the words of the last verdict stand in the judged texts, it may be a quotation. It counts only if no other
   verdict in the reply differs from it and, in JSON, nothing is said after it and its key stands in no malformed
   object. Here the judge's own trace counts, too: a quotation that closes a trace turns the judge's words into one.

What cannot be read is unscored.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from safelrm.core.trace import parse_any
from safelrm.inference.schemas import Reply
from safelrm.judging.parts import Outcome
from safelrm.judging.schemas import SCORED, UNREADABLE, UNSCORED
from safelrm.judging.settings import ChatField

# a pattern that backtracks for longer finds nothing
PATTERN_SECONDS = 1.0
# characters in which objects that are nested too deeply for a parser cannot end
DEEP = 500
NOTHING: Outcome = (UNSCORED, None, UNREADABLE)
_JOINED = re.compile(r"\W+")
# what stands before a value in an object
_MEMBER = re.compile(r'"\s{0,99}:[\s\[]{0,99}\Z')


@dataclass(frozen=True)
class _Found:
    """A verdict in a reply: the words in which it stands, and its value."""

    words: str
    value: Any


def outcomes(reply: Reply, fields: Mapping[str, ChatField], marker: str | None, judged: str = "") -> dict[str, Outcome]:
    """What a reply says of each field.

    Args:
        reply: the judge's reply.
        fields: what is read.
        marker: text whose last occurrence the verdict follows; none: the whole reply is read.
        judged: the texts of the rollout that the judge has seen.
    """
    answer = parse_any(reply.text).answer or ""
    start = 0 if marker is None else answer.rfind(marker)
    if start < 0 or not reply.finished:
        return dict.fromkeys(fields, NOTHING)
    keys = [field.json_key for field in fields.values() if field.json_key]
    objects = _Objects(reply.text, answer, start, judged, keys)

    def value(field: ChatField) -> str | None:
        return objects.value(field.json_key) if field.json_key else _matched(field, reply.text, answer, start, judged)

    found = {name: _outcome(field, value(field)) for name, field in fields.items() if field.computed is None}
    return {name: found[name] if name in found else _computed(field, found) for name, field in fields.items()}


def json_values(reply: Reply, keys: Sequence[str], judged: str = "") -> dict[str, str | None] | None:
    """The values, as text, of keys of the last JSON object in a reply that holds any of them.

    Args:
        reply: the judge's reply.
        keys: the keys. A key that the object lacks is left out; of one that is given but cannot be told, the value is
            None.
        judged: the texts that the judge has seen.

    Returns:
        The values by their keys; None if no object holds any.
    """
    objects = _Objects(reply.text, parse_any(reply.text).answer or "", 0, judged, keys)
    held = [key for key in keys if objects.holds(key)]
    return {key: objects.value(key) for key in held} or None


class _Objects:
    """The JSON objects of a reply, each as a whole, from the front to the back."""

    def __init__(self, whole: str, answer: str, start: int, judged: str, keys: Sequence[str]) -> None:
        found = _with_keys(answer, keys)
        after = [one for place, one in found if place >= start]
        self._last = after[-1] if after else None
        place = found[-1][0] if found else 0
        self._rest = answer[place + len(self._last.words) :] if self._last else ""
        before = answer[found[-2][0] + len(found[-2][1].words) if len(found) > 1 else 0 : place]
        self._around = before if _MEMBER.search(before) else ""
        self._quoted = self._last is not None and _squeezed(self._last.words) in _squeezed(judged)
        everywhere = _with_keys(whole, keys) if self._quoted else []
        self._all = [one for _, one in everywhere]
        ends = [0, *(place + len(one.words) for place, one in everywhere)]
        self._between = "\n".join(
            whole[end:place] for end, place in zip(ends, [*(place for place, _ in everywhere), None], strict=True)
        )

    def holds(self, key: str) -> bool:
        """Whether the last object holds a key."""
        return self._last is not None and bool(_values(self._last.value, _first(key)))

    def value(self, key: str) -> str | None:
        """The value of a key of the last object that counts; None if there is none, or one cannot tell."""
        words = r"[\W_]{0,3}".join(map(re.escape, _joined(_first(key)).split("_")))
        again = re.compile(rf"\b{words}\W{{0,3}}[:=]", re.IGNORECASE)
        if self._last is None or again.search(self._rest) or again.search(self._around):
            return None
        value = _at(self._last.value, key)
        if self._quoted and (
            re.search(r"\w", self._rest)
            or again.search(self._between)
            or any(_at(one.value, key) != value for one in self._all)
        ):
            return None
        return value


def _with_keys(text: str, keys: Sequence[str]) -> list[tuple[int, _Found]]:
    """The objects in a text that hold one of the keys, each with its place."""
    return [(place, one) for place, one in _objects(text) if any(_values(one.value, _first(key)) for key in keys)]


def _objects(text: str) -> Iterator[tuple[int, _Found]]:
    """The outermost JSON objects in a text, each with its place."""
    decoder, place = json.JSONDecoder(object_pairs_hook=_object), text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
        except RecursionError:
            # all that follows is as deep
            end = place + DEEP
        except ValueError:
            end = place + 1
        else:
            yield place, _Found(text[place:end], value)
        place = text.find("{", end)


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """A JSON object, in which a key with several values holds the list of them: no verdict is a list."""
    given: dict[str, list[object]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    differ = {name for name, values in given.items() if len(values) > 1 and len({*map(repr, values)}) > 1}
    return {name: values if name in differ else values[0] for name, values in given.items()}


def _first(key: str) -> str:
    return key.partition(".")[0]


def _at(value: object, key: str) -> str | None:
    """The value at a dotted key of an object, as text; None if there is none, or if there are several."""
    first, _, rest = key.partition(".")
    found = _values(value, first)
    for name in rest.split(".") if rest else ():
        found = [inner for one in found if isinstance(one, dict) for inner in _named(one, name)]
    texts = {one if isinstance(one, str) else json.dumps(one) for one in found}
    return texts.pop() if len(texts) == 1 else None


def _values(value: object, key: str) -> list[object]:
    """The values of a key, from the outermost level of nested objects that has it. (JSON's parser bounds the depth.)"""
    level = [value]
    while level:
        objects = [one for one in level if isinstance(one, dict)]
        if found := [inner for one in objects for inner in _named(one, key)]:
            return found
        inside = [inner for one in objects for inner in one.values()]
        level = inside + [inner for one in level if isinstance(one, list) for inner in one]
    return []


def _named(one: dict[str, object], key: str) -> list[object]:
    """The values of a key, however its words are joined and whatever their case."""
    wanted = _joined(key)
    return [value for name, value in one.items() if name == key or _joined(name) == wanted]


def _joined(key: str) -> str:
    return _JOINED.sub("_", key.casefold()).strip("_")


def _squeezed(text: str) -> str:
    """The words of a text alone, since a quotation may have other spacing, quotation marks or emphasis."""
    return re.sub(r"\W+", "", text.casefold())


def _matched(field: ChatField, whole: str, answer: str, start: int, judged: str) -> str | None:
    """The value of the last match of a field's pattern; None if there is none, or one cannot tell."""
    try:
        found = _matches(field, answer)
        if not found or found[-1][0] < start:
            return None
        last = found[-1][1]
        # a pattern of a value alone, such as yes|no, cannot tell a quotation
        quotable = _squeezed(last.words) != _squeezed(last.value or "") and _squeezed(last.words) in _squeezed(judged)
        differs = quotable and any(one.value != last.value for _, one in [*found, *_matches(field, whole)])
    except TimeoutError:
        return None
    return None if differs else last.value


def _matches(field: ChatField, text: str) -> list[tuple[int, _Found]]:
    """What a field's pattern finds in a text, each with its place.

    Raises:
        TimeoutError: the pattern backtracks for too long.
    """
    matches = regex.finditer(field.pattern, text, timeout=PATTERN_SECONDS)
    return [(each.start(), _Found(each[0], each[1 if each.re.groups else 0])) for each in matches]


def _outcome(field: ChatField, value: str | None) -> Outcome:
    """The outcome that a value of a field stands for."""
    if value is None:
        return NOTHING
    if field.scale is None:
        known = {name.strip().casefold(): verdict for name, verdict in field.values.items()}
        verdict = known.get(value.strip().casefold())
        return NOTHING if verdict is None else (verdict, None, SCORED)
    try:
        number = float(value)
    except ValueError:
        return NOTHING
    low, high = field.scale
    # outside the scale it cannot be read
    if not (math.isfinite(number) and low <= number <= high):
        return NOTHING
    return _from(field, number, (number - low) / (high - low))


def _computed(field: ChatField, found: Mapping[str, Outcome]) -> Outcome:
    """The outcome of a field whose score follows from other fields."""
    computed = field.computed
    deciding = {name: found[name] for name in computed.zero_if}
    if any(state != SCORED for _, _, state in deciding.values()):
        return NOTHING
    if any(deciding[name][0] == verdict for name, verdict in computed.zero_if.items()):
        return _from(field, 0.0, 0.0)
    scores = [found[name][1] for name in computed.of]
    if any(score is None for score in scores):
        return NOTHING
    score = {"mean": math.fsum(scores) / len(scores), "highest": max(scores), "lowest": min(scores)}[computed.by]
    return _from(field, score, score)


def _from(field: ChatField, number: float, score: float) -> Outcome:
    (other,) = (verdict for verdict in field.verdicts if verdict != field.score)
    return field.score if number >= field.threshold else other, score, SCORED
