"""A rendered row as text for a terminal: token by token, with the loss mask.

Each line begins with what its tokens are: `no loss`, `loss`, or `end`, the end token that the model is to learn. A dot
stands between two tokens. Colours repeat this, so that the text says as much without them. Texts of data sets and
models are not trusted: a character that a terminal would obey, or that hides or reorders others, is shown as an escape.
"""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from transformers import PreTrainedTokenizerBase

from safelrm.training.rendering import IGNORED

NO_LOSS, LOSS, END = "no loss", "loss", "end"
# ANSI colours by what a token is: without loss, special, with loss, the end token
DIM, CYAN, GREEN, YELLOW, RESET = "\x1b[2m", "\x1b[36m", "\x1b[32m", "\x1b[33;1m", "\x1b[0m"
DOT = "\N{MIDDLE DOT}"
# control and format characters, surrogates, private and unassigned ones, separators of lines and paragraphs
UNSAFE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
# a token of a byte-level tokenizer may be a part of a character
PART, MOST_PARTS = "\ufffd", 4


def escaped(text: str) -> str:
    """The text with an escape such as `\\x1b` or `\\u202e` for each character that is not safe to print."""
    return "".join(_escape(char) if unicodedata.category(char) in UNSAFE else char for char in text)


def _escape(char: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if short:
        return short
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def marked_lines(
    ids: Sequence[int],
    labels: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    stop_ids: Collection[int],
    *,
    coloured: bool,
) -> Iterator[str]:
    """The lines that show a row. A line ends where the loss begins or ends, and after a line break of the text.

    Args:
        ids: token ids.
        labels: as many labels; IGNORED marks a token without loss.
        tokenizer: the tokenizer.
        stop_ids: the tokens that end a completion.
        coloured: whether the text has colours.
    """
    kinds = [
        NO_LOSS if label == IGNORED else (END if token in stop_ids else LOSS)
        for token, label in zip(ids, labels, strict=True)
    ]
    special = set(tokenizer.all_special_ids)
    for kind, group in groupby(range(len(ids)), key=kinds.__getitem__):
        title = f"{kind:>7} | "
        line: list[str] = []
        for token_ids, text in _pieces([ids[place] for place in group], tokenizer):
            colour = _colour(kind, is_special=token_ids[0] in special)
            line.append(f"{colour}{escaped(text)}{RESET}" if coloured else escaped(text))
            if text.endswith("\n"):
                yield title + DOT.join(line)
                title, line = f"{'':>7} | ", []
        if line:
            yield title + DOT.join(line)


def _colour(kind: str, *, is_special: bool) -> str:
    if kind == NO_LOSS:
        return CYAN if is_special else DIM
    return YELLOW if kind == END else GREEN


def _pieces(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[list[int], str]]:
    """The text of each token; of several tokens together where each is a part of one character."""
    waiting: list[int] = []
    for token in ids:
        waiting.append(token)
        text = tokenizer.decode(waiting, skip_special_tokens=False)
        if not text.endswith(PART) or len(waiting) == MOST_PARTS:
            yield waiting, text
            waiting = []
    if waiting:
        yield waiting, tokenizer.decode(waiting, skip_special_tokens=False)
