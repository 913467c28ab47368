"""A reward term for tests of probes: it scores no text, but says what the test wants to hear."""

import hashlib

from pydantic import Field

from safelrm.core.settings import Strict

# how often the term has been asked
asked: list[int] = []


class Settings(Strict):
    """What the term says."""

    falling: bool = Field(False, description="less each time; otherwise a number that follows from the texts")


def build(context, settings):
    """The same number for every completion."""

    def score(samples):
        asked.append(len(samples))
        texts = hashlib.sha256("".join(sample.completion for sample in samples).encode()).digest()
        value = -float(len(asked)) if settings.falling else texts[0] / 256
        return [value] * len(samples)

    return score
