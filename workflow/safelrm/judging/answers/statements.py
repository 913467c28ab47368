r"""The final answer that a text states.

An answer is stated in a `\boxed{…}`, after `####` (GSM8K), after words such as "the answer is", or in bold letters at the
end of a sentence. The last statement counts. Two rules narrow this: what follows `####` is the end, unless the text takes
it back; and what follows the beginning of another question, which a model has made up, is no part of the answer.
"""

import re
from itertools import pairwise

from safelrm.judging.answers.choices import given_letters
from safelrm.judging.answers.markup import Span, boxes, unified, unworded, without_boxes
from safelrm.judging.answers.values import is_clean, phrase, values

_HASHES = re.compile(r"####[^\S\n]*(?=[^\s#])([^\n]*)")
_CUE = re.compile(
    r"\b(?P<final>final\s+)?(?:answer|(?:correct|right|best)\s+(?:option|choice))s?\b"
    r"(?:\s+(?:to|for|of)\s[^.\n:=?]{1,80}?)?[\s*_\"']{0,4}"
    r"(?:(?P<colon>[:=])|,?[^\S\n]+(?:then,?\s+|therefore,?\s+|thus,?\s+)?(?P<verb>is|are|would be|should be|must be|comes to)\b[\s:]{0,3})",
    re.IGNORECASE,
)
_HEADING = re.compile(r"(?:^|\n)[\s#*_]*(?:the\s+)?final answer[\s*_:]*\n", re.IGNORECASE)
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]{1,200})\*\*")
# what may stand between something in bold letters and the end of its sentence
_TAIL = re.compile(r"[\s$]*(?:[a-z]+\s*){0,3}[.!)\s]*(?:\n|$)")
_JOINT_NEXT = re.compile(r"\s*(?:,|and\b|or\b|,\s*(?:and|or)\b)[^*\n]{0,8}\*\*")
_NEXT = re.compile(
    r"(?:^|\n)[\s#*_]*(?:(?:next\s+|new\s+)?(?:question|problem|exercise|example|instruction)\s*\d*\s*[*_]*[:.)]|Q\s*\d*\s*[:.)]"
    r"|(?:human|user)\s*:)|<\|(?:im_start|im_end|endoftext|eot_id|start_header_id)\|>|\[INST\]",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|mistake|error|correction|corrected|sorry|oops|rather|instead|no,|wrong|incorrect|re-?check\w*)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"(?:\bnot|n't|\bnever)\s+(?:(?:equal\s+to|in|a|the)\s+)?[\s*$(\[\\]*$", re.IGNORECASE)
_DENIED = re.compile(r"(?:\bnot|n't|\bnever|\bdoubt)\b(?:(?!\b(?:but|only|and|so)\b)[^.,;:\n]){0,60}$", re.IGNORECASE)
_JOINTS = re.compile(
    r"\\text\s*\{|\\(?:quad|qquad|[()\[\],; ])|[\s$(){}\[\]*]|[a-zA-Z](?:_\{?\w\}?)?\s*=|(?:and/or|and|or|either)\b|[,;&]"
)
_SAYS_JOINT = re.compile(r"\b(?:and|or)\b|[,;&]")
_ELLIPSIS = re.compile(
    r"[\s.\u2026_?]*|\\l?dots|(?:the\s+)?(?:final\s+)?answer(?:\s+here)?|\\text\{\s*(?:final\s+)?answer\s*\}",
    re.IGNORECASE,
)


def final_answer(text: str) -> str:
    r"""What a text states as its result, without the statement's mark: the content of a box, say. It may be empty.

    Boxes that the text joins (`x=\boxed{1}` or `x=\boxed{-2}`) are one statement, with commas between them. A text that
    states nothing in such a way is its own final answer.
    """
    text = _own_part(text)
    found = _statements(text)
    return found[-1].text if found else _unstated(text)


def boxed_answers(text: str) -> list[str]:
    """The contents of all boxes that the text does not take back, each once."""
    text = _own_part(text)
    found = _boxes(text)
    for first, second in pairwise(list(found)):
        if _TAKEN_BACK.search(text[first.end : second.start]):
            found = [box for box in found if box.start > first.start]
    return list(dict.fromkeys(box.text for box in found))


def _own_part(text: str) -> str:
    """The text up to a question that follows an answer."""
    for question in _NEXT.finditer(text):
        before = text[: question.start()]
        if _statements(before):
            return before
    return text


def _statements(text: str) -> list[Span]:
    """All statements in order."""
    text, hashed = _up_to_hashes(text)
    boxed = _grouped(text, _boxes(text))
    cued = [cue for cue in _cued(text) if not any(cue.start <= box.start < cue.end for box in boxed)]
    strong = sorted([*boxed, *(cue for cue in cued if _is_strong(cue))], key=lambda span: span.start)
    # words of a later statement that only repeat what the box says
    strong = [span for place, span in enumerate(strong) if not _repeats(span, strong[:place])]
    ends = max((span.end for span in [*strong, *cued]), default=0)
    strong += [bold for bold in _grouped(text, _bold(text)) if bold.start >= ends]
    return [*strong, *hashed] or cued


def _up_to_hashes(text: str) -> tuple[str, list[Span]]:
    """The text before the `####` that counts, and its statement; the whole text if there is none."""
    marks = [mark for mark in _HASHES.finditer(text) if mark.group(1).strip("#* ")]
    values_first = [mark for mark in marks if values_at_head(mark.group(1))]
    for place, mark in enumerate(values_first):
        following = values_first[place + 1].start() if place + 1 < len(values_first) else len(text)
        if not _TAKEN_BACK.search(text[mark.end() : following]):
            return text[: mark.start()], [Span(mark.start(), mark.end(), mark.group(1).strip())]
    if len(marks) == 1 and not values_first and not text[marks[0].end() :].strip():
        return text[: marks[0].start()], [Span(marks[0].start(), marks[0].end(), marks[0].group(1).strip())]
    return text, []


def values_at_head(line: str) -> bool:
    """Whether a line begins with a value, and is no heading such as "1. Find the total"."""
    return not re.match(r"\W*\d{1,2}[.)]\s+[A-Z]", line) and (
        is_clean(line) or is_clean(phrase(line)) or _number_first(line)
    )


def _number_first(line: str) -> bool:
    return bool(re.match(r"[\s*\\(]*[-+]?\$?\\?-?[\d.]*\d", line)) and bool(values(line))


def _boxes(text: str) -> list[Span]:
    kept = (box for box in boxes(text) if not _NEGATED.search(text[max(0, box.start - 40) : box.start]))
    found = (Span(box.start, box.end, without_boxes(box.text).strip()) for box in kept)
    return [box for box in found if not _ELLIPSIS.fullmatch(box.text)]


def _grouped(text: str, found: list[Span]) -> list[Span]:
    """Boxes, those that the text joins as one."""
    groups: list[list[Span]] = []
    for box in found:
        between = text[groups[-1][-1].end : box.start] if groups else ""
        joined = len(between) < 80 and _SAYS_JOINT.search(between) and not _JOINTS.sub("", between).strip(" }")
        if groups and joined:
            groups[-1].append(box)
        else:
            groups.append([box])
    return [
        Span(group[0].start, group[-1].end, ", ".join(dict.fromkeys(box.text for box in group))) for group in groups
    ]


def _cued(text: str) -> list[Span]:
    """What follows words such as "the answer is", up to the end of its line."""
    found = []
    for cue in [*_CUE.finditer(text), *_HEADING.finditer(text)]:
        begin = re.compile(r"[\s*_:]*").match(text, cue.end()).end()
        display = re.compile(r"\$\$|\\\[").match(text, begin)
        if display:
            closing = text.find("$$" if display.group() == "$$" else r"\]", display.end())
            end = closing + 2 if closing > 0 else len(text)
        else:
            end = text.find("\n", begin)
        content = text[begin : end if end >= 0 else len(text)].strip()
        if content and not _DENIED.search(text[max(0, cue.start() - 80) : cue.start()]):
            found.append(Span(cue.start(), begin + len(content), content))
    return sorted(found, key=lambda span: span.start)


def _is_strong(cue: Span) -> bool:
    """Whether a cue is followed by an answer, and not by a remark on it."""
    part = phrase(cue.text)
    return bool(
        values_at_head(cue.text)
        or re.match(r"[\s*]*(?:\\?\(|\$|\\\[)", cue.text)
        or _LETTER_FIRST.match(unworded(unified(part)))
    )


_LETTER_FIRST = re.compile(
    r"\W{0,4}(?:option\s+|choice\s+)?\W{0,3}[A-J](?![A-Za-z'])(?!\s+(?!because|since|as\b)[a-z])", re.IGNORECASE
)


def _repeats(span: Span, earlier: list[Span]) -> bool:
    """Whether a statement in words contains the value of the statement before it."""
    return bool(earlier) and not is_clean(phrase(span.text)) and earlier[-1].text in span.text


def _bold(text: str) -> list[Span]:
    found = (
        mark for mark in _BOLD.finditer(text) if _TAIL.match(text, mark.end()) or _JOINT_NEXT.match(text, mark.end())
    )
    return [
        Span(mark.start(), mark.end(), mark.group(1).strip())
        for mark in found
        if is_clean(mark.group(1)) or _WHOLE_LETTER.fullmatch(mark.group(1))
        if not _NEGATED.search(text[max(0, mark.start() - 40) : mark.start()])
    ]


_WHOLE_LETTER = re.compile(r"\W{0,3}(?:option\s+)?\W{0,2}[A-J]\W{0,3}", re.IGNORECASE)


def _unstated(text: str) -> str:
    """A text without statements, without a box that was begun and not ended."""
    return re.split(r"\\f?boxed\b", text)[0].strip() if re.search(r"\\f?boxed\s*\{[^}]*$", text) else text.strip()
