r"""The final answer that a text states.

An answer is stated in a `\boxed{…}`, after `####` (GSM8K), after words such as "the answer is", or in bold letters at
the end of a sentence. The last statement counts. Two rules narrow this: what follows `####` is the end, unless the text
takes it back; and what follows the beginning of another question, which a model has made up, is no part of the answer.
"""

import re
from itertools import pairwise

from safelrm.judging.answers.markup import Span, boxes, unified, unworded, without_boxes
from safelrm.judging.answers.negation import is_negated
from safelrm.judging.answers.signs import plain_signs
from safelrm.judging.answers.values import is_clean, phrase, values

_HASHES = re.compile(r"####[^\S\n]*(?=[^\s#])([^\n]*)")
_CUE = re.compile(
    r"\b(?:answer|(?:correct|right|best)\s+(?:option|choice))s?\b(?:\s+(?:to|for|of)\s[^.\n:=?]{1,80}?)?[\s*_\"']{0,4}"
    r"(?:[:=]|,?[^\S\n]+(?:(?:then|therefore|thus),?\s+)?(?:is|are|would be|should be|must be|comes to)\b[\s:]{0,3}"
    r"(?:(?:therefore|thus|then|hence|simply|just|indeed|clearly|now|actually|instead)\b[,\s]{1,2})?)"
    # a heading without a colon
    r"|(?:^|\n)[ #*_]{0,9}(?:the\s+)?final answer[ *_:]{0,9}\n",
    re.IGNORECASE,
)
# after a statement: "Actually, it's 18"
_CORRECTION = re.compile(
    r"\b(?:actually|wait|no|sorry|oops|correction)\b[,.:]?\s(?:no,?\s|wait,?\s)?"
    r"(?:it|that|this)(?:'s|\u2019s|\s(?:is|should\sbe|must\sbe))\s",
    re.IGNORECASE,
)
# "we check our answer: …" repeats the problem
_CHECKED = re.compile(r"\b(?:check|verif|confirm|test)\w*\s+(?:\w+\s+){0,2}$", re.IGNORECASE)
_MARKS = re.compile(r"[\s*_:]{0,9}")
_DISPLAY = re.compile(r"\$\$|\\\[")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]{1,200})\*\*")
# what may stand between something in bold letters and the end of its sentence, or the next one of a list
_TAIL = re.compile(
    r"[\s$]{0,4}(?:[a-z]+\s?){0,3}[.!)\s]{0,4}(?:\n|$)|\s?(?:,|,?\s?(?:and|or)\b)[^*\n]{0,8}\*\*",
)
_LETTER = r"\W{0,4}(?:option\s+|choice\s+)?\W{0,3}[A-J]"
_LETTER_FIRST = re.compile(rf"{_LETTER}(?![A-Za-z'])(?!\s+(?!because|since|as\b)[a-z])", re.IGNORECASE)
_LETTER_ALONE = re.compile(rf"{_LETTER}\W{{0,3}}", re.IGNORECASE)
_NEXT_QUESTION = re.compile(
    r"(?:^|\n)[ #*_]{0,9}(?:(?:(?:next|new)\s+)?(?:question|problem|exercise|example|instruction)\s*\d*\s*"
    r"[*_]{0,3}[:.)]|Q\s*\d*\s*[:.)]|(?:human|user|input)\s*:)"
    r"|\n#{1,6} (?:question|problem|exercise)\s?\d*[ *_]*\n"
    r"|<\|(?:im_start|im_end|endoftext|eot_id|start_header_id)\|>|\[INST\]",
    re.IGNORECASE,
)
_TURN = re.compile(r"\s?A:\s")
_TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|mistake|error|correction|corrected|sorry|oops|rather|instead|no,|wrong|incorrect"
    r"|re-?check\w*)\b",
    re.IGNORECASE,
)
_JOINTS = re.compile(
    r"\\text\s*\{|\\(?:quad|qquad|[()\[\],; ])|[\s$(){}\[\]*]|[a-zA-Z](?:_\{?\w\}?)?\s*="
    r"|(?:and/or|and|or|either)\b|[,;&]"
)
_SAYS_JOINT = re.compile(r"\b(?:and|or)\b|[,;&]")
# boxes of an instruction: \boxed{}, \boxed{...}, \boxed{answer}
_PLACEHOLDER = re.compile(
    r"[\s.\u2026_?]*|\\l?dots|(?:\\text\s*\{)?\s*(?:(?:your|the)\s+)?(?:final\s+)?answer(?:\s+here)?\s*\}?",
    re.IGNORECASE,
)
_HEADING = re.compile(r"\W*\d{1,2}[.)]\s+[A-Z]")
_STARTS_WITH_NUMBER = re.compile(r"[\s*\\(]*[-+]?\$?\\?-?[\d.]*\d")
# how many cues count, and how long a statement may be that has no end
_CUES, _LONGEST = 50, 10_000
_LONGEST_JOINT = 80


def final_answer(text: str) -> str:
    r"""What a text states as its result, without the statement's mark: the content of a box, say. It may be empty.

    Boxes that the text joins (`x=\boxed{1}` or `x=\boxed{-2}`) are one statement, with commas between them. A text that
    states nothing in such a way is its own final answer.
    """
    text = _own_part(_spaced(text))
    found = _statements(text)
    if found:
        return found[-1].text
    # a box that was begun, and not ended
    return re.split(r"\\f?boxed\b", text)[0].strip()


def boxed_answers(text: str) -> list[str]:
    """The contents of all boxes that the text does not take back, each once."""
    text = _own_part(_spaced(text))
    found = _boxes(text)
    for first, second in pairwise(list(found)):
        if _TAKEN_BACK.search(text[first.end : second.start]):
            found = [box for box in found if box.start > first.start]
    return list(dict.fromkeys(box.text for box in found))


def _spaced(text: str) -> str:
    """The text without spaces in a row and with at most two line breaks, so that no pattern takes long."""
    return re.sub(r"\n\s*\n", "\n\n", re.sub(r"[^\S\n]+", " ", plain_signs(text)))


def _own_part(text: str) -> str:
    """The text up to a question that follows an answer."""
    if not _NEXT_QUESTION.search(text, 1):
        return text
    hashed = (mark.end() for mark in _HASHES.finditer(text) if _states_value(mark.group(1)))
    # "A: 18", after which comes "Q: …"
    first = 0 if _TURN.match(text) else next(hashed, len(text))
    first = min([first, *(span.end for span in [*_boxes(text)[:1], *filter(_is_strong, _cued(text))])])
    question = _NEXT_QUESTION.search(text, max(first - 1, 1))
    return text[: question.start()] if question else text


def _statements(text: str) -> list[Span]:
    """All statements in order."""
    text, hashed = _up_to_hashes(text)
    boxed = _grouped(text, _boxes(text))
    cued = [cue for cue in _cued(text) if not any(cue.start <= box.start < cue.end for box in boxed)]
    found = sorted([*boxed, *filter(_is_strong, cued)], key=lambda span: span.start)
    if (first := min((span.start for span in [*found, *cued]), default=-1)) >= 0:
        found += [one for one in _cued(text, _CORRECTION) if one.start > first and is_clean(phrase(one.text))]
        found.sort(key=lambda span: span.start)
    # a sentence that only repeats what the box says is no other statement
    found = [span for place, span in enumerate(found) if place == 0 or not _repeats(span, found[place - 1])]
    end = max((span.end for span in [*found, *cued]), default=0)
    found += _grouped(text, _bold(text, end))
    return [*found, *hashed] or cued


def _up_to_hashes(text: str) -> tuple[str, list[Span]]:
    """The text before the `####` that counts, and its statement; the whole text if there is none."""
    marks = [mark for mark in _HASHES.finditer(text) if mark.group(1).strip("#* ")]
    stating = [mark for mark in marks if _states_value(mark.group(1))]
    if not stating and len(marks) == 1 and not text[marks[0].end() :].strip():
        stating = marks
    for place, mark in enumerate(stating):
        following = stating[place + 1].start() if place + 1 < len(stating) else len(text)
        if not _TAKEN_BACK.search(text, mark.end(), following):
            return text[: mark.start()], [Span(mark.start(), mark.end(), mark.group(1).strip())]
    return text, []


def _states_value(line: str) -> bool:
    """Whether a line begins with a value, and is no heading such as "1. Find the total"."""
    if _HEADING.match(line):
        return False
    return is_clean(line) or is_clean(phrase(line)) or bool(_STARTS_WITH_NUMBER.match(line) and values(line))


def _boxes(text: str) -> list[Span]:
    found = [Span(box.start, box.end, without_boxes(box.text).strip()) for box in boxes(text)]
    return [box for box in found if not _PLACEHOLDER.fullmatch(box.text) and not is_negated(_before(text, box.start))]


def _before(text: str, place: int) -> str:
    return text[max(0, place - 80) : place]


def _grouped(text: str, found: list[Span]) -> list[Span]:
    """Statements, those that the text joins as one."""
    groups: list[list[Span]] = []
    for span in found:
        between = text[groups[-1][-1].end : span.start] if groups else ""
        joined = len(between) <= _LONGEST_JOINT and _SAYS_JOINT.search(between) and not _JOINTS.sub("", between).strip()
        if groups and joined:
            groups[-1].append(span)
        else:
            groups.append([span])
    return [
        Span(group[0].start, group[-1].end, ", ".join(dict.fromkeys(span.text for span in group))) for group in groups
    ]


def _cued(text: str, words: re.Pattern = _CUE) -> list[Span]:
    """What follows words such as "the answer is", up to the end of its line or of its displayed formula."""
    found = []
    for cue in list(words.finditer(text))[-_CUES:]:
        begin = _MARKS.match(text, cue.end()).end()
        display = _DISPLAY.match(text, begin)
        closing = ("$$" if display.group() == "$$" else r"\]") if display else "\n"
        end = text.find(closing, display.end() if display else begin, begin + _LONGEST)
        content = text[begin : begin + _LONGEST if end < 0 else end + len(closing)].strip()
        before = _before(text, cue.start())
        if content and not is_negated(before) and not _CHECKED.search(before):
            found.append(Span(cue.start(), begin + len(content), content))
    return found


def _is_strong(cue: Span) -> bool:
    """Whether a cue is followed by an answer, and not by a remark on it."""
    begins = re.match(r"[\s*]{0,4}(?:\\[(\[]|\$)", cue.text) or _LETTER_FIRST.match(unworded(unified(phrase(cue.text))))
    return bool(begins) or _states_value(cue.text)


def _repeats(span: Span, earlier: Span) -> bool:
    """Whether a statement in words contains the value of the statement before it."""
    return not is_clean(phrase(span.text)) and earlier.text in span.text


def _bold(text: str, begin: int) -> list[Span]:
    """Values and letters in bold, at the end of a sentence, from a place on."""
    return [
        Span(mark.start(), mark.end(), mark.group(1).strip())
        for mark in _BOLD.finditer(text, begin)
        if _TAIL.match(text, mark.end())
        and (is_clean(mark.group(1)) or _LETTER_ALONE.fullmatch(mark.group(1)))
        and not is_negated(_before(text, mark.start()))
    ]
