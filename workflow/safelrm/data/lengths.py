"""How long prompts, traces and answers are: in words, and in tokens of models."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.data.schemas import ANSWER, PROMPT, RESPONSE, THOUGHT

# the unit that needs no tokenizer: words, split at white space
WORDS = "words"
PERCENTILES = (5, 25, 50, 75, 90, 95, 99)

Count = Callable[[list[str]], list[int]]


def count_words(texts: list[str]) -> list[int]:
    """The number of words of each text, split at white space."""
    return [len(text.split()) for text in texts]


def token_counter(file: Path) -> Count:
    """What counts the tokens of texts, without special tokens around them.

    Args:
        file: the `tokenizer.json` of a model.

    Raises:
        SafeLRMError: the file is no tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(file))
    # the library raises nothing more particular
    except Exception as error:
        raise SafeLRMError(f"no tokenizer can be loaded ({error})", file=file, fix="make the model again") from error
    # a tokenizer may say that it pads texts to one length, or cuts them
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return lambda texts: [len(found.ids) for found in tokenizer.encode_batch(texts, add_special_tokens=False)]


def texts_by_part(rows: pd.DataFrame) -> dict[str, list[str]]:
    """The prompts of a set, and of its responses the traces, the answers and the whole, where a row has them."""
    parts = {PROMPT: list(rows["prompt"])}
    if "response" in rows:
        parsed = [parse_completion(response, prefilled=False) for response in rows["response"]]
        parts[THOUGHT] = [found.trace for found in parsed if found.trace is not None]
        parts[ANSWER] = [found.answer for found in parsed if found.answer is not None]
        parts[RESPONSE] = list(rows["response"])
    return parts


def length_rows(frames: Mapping[str, pd.DataFrame], counters: Mapping[str, Count]) -> Iterator[dict[str, object]]:
    """The lengths of each part of each set in each unit (schema: TOKEN_LENGTHS).

    Args:
        frames: prompts or conversations by name.
        counters: what counts the length of texts, by the name of the unit: a model, or `words`.
    """
    for dataset, frame in frames.items():
        for part, texts in texts_by_part(frame).items():
            for unit, count in counters.items():
                yield {"dataset": dataset, "part": part, "unit": unit, "rows": len(texts)} | _summary(count(texts))


def _summary(lengths: list[int]) -> dict[str, object]:
    names = [f"p{percentile}" for percentile in PERCENTILES]
    if not lengths:
        return dict.fromkeys(("mean", *names, "max", "total"))
    values = map(float, np.percentile(lengths, PERCENTILES))
    said = {"mean": sum(lengths) / len(lengths), "max": max(lengths), "total": sum(lengths)}
    return said | dict(zip(names, values, strict=True))
