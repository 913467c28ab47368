"""Words of a text, without a tokenizer: what all models' traces are measured by."""


def count_words(text: str | None) -> int:
    """Number of words that hold a letter or a digit. None counts as an empty text."""
    return sum(any(map(str.isalnum, word)) for word in (text or "").split())


def distinct_ngrams(text: str, size: int) -> float | None:
    """Distinct n-grams of words as a share of all n-grams; None if the text is shorter than one."""
    words = text.split()
    grams = [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]
    return len(set(grams)) / len(grams) if grams else None
