"""Sizes of models and data sets: parameters, rows and tokens, without loading any of them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from safelrm.dag.registry import settings_model
from safelrm.dag.settings import DatasetEntry, MadeModel
from safelrm.models.settings import FromScratch, Shape

# tokens of a row in the factory's batches, padding included: rows of 24 to 53 tokens, batches of 32 of them
NANO_ROW = 55.0
FLOAT32, BFLOAT16 = 4, 2
BYTES = {"float32": FLOAT32, "bfloat16": BFLOAT16}


@dataclass(frozen=True)
class Model:
    """A model as estimates see it: name, size, and bytes per parameter of its checkpoint."""

    name: str
    shape: Shape
    checkpoint_bytes: int

    @property
    def stored(self) -> float:
        """Bytes of its weights on disk."""
        return self.shape.parameters * self.checkpoint_bytes


@dataclass(frozen=True)
class Texts:
    """A data set as estimates see it.

    Attributes:
        rows: number of rows.
        prompt: mean tokens of a prompt, the chat template's included.
        response: mean tokens of a response; for prompts alone, of what a model responds.
    """

    rows: float
    prompt: float
    response: float

    @property
    def tokens(self) -> float:
        """Tokens of all prompts and responses."""
        return self.rows * (self.prompt + self.response)


# What files hold was counted (letters / 4.5). What models respond is assumed: 770 tokens to harmful prompts and 1,430
# to benign ones (the lengths of DeepSeek-R1's in LRM-Safety-Study, arXiv 2505.15404), 800 and 4,000 to GSM8K and
# MATH-500 (no source).
_HARMFUL, _BENIGN = 770.0, 1430.0
# as many rows as the settings ask for
_AS_ASKED = math.inf
KNOWN: Mapping[str, Texts] = {
    "safelrm.nano.sources.corpus": Texts(_AS_ASKED, 0.0, NANO_ROW),
    "safelrm.nano.sources.guard_labels": Texts(_AS_ASKED, 14.0, 33.0),
    "safelrm.nano.sources.star1": Texts(_AS_ASKED, 14.0, 62.0),
    "safelrm.nano.sources.distillation": Texts(_AS_ASKED, 14.0, 53.0),
    "safelrm.nano.sources.requests": Texts(_AS_ASKED, 14.0, 45.0),
    "safelrm.nano.sources.dial": Texts(_AS_ASKED, 28.0, 23.0),
    "safelrm.data.sources.star1": Texts(1000, 35.0, 410.0),
    "safelrm.data.sources.star1_prompts": Texts(1000, 35.0, _HARMFUL),
    "safelrm.data.sources.attaq": Texts(1402, 40.0, _HARMFUL),
    "safelrm.data.sources.dolly": Texts(_AS_ASKED, 20.0, _BENIGN),
    "safelrm.data.sources.lrm_safety_study": Texts(1000, 800.0, 570.0),
    "safelrm.data.sources.strongreject": Texts(313, 45.0, _HARMFUL),
    "safelrm.data.sources.advbench": Texts(520, 30.0, _HARMFUL),
    "safelrm.data.sources.harmbench": Texts(400, 110.0, _HARMFUL),
    "safelrm.data.sources.xstest": Texts(450, 20.0, _BENIGN),
    "safelrm.data.sources.xstest_labels": Texts(450, 20.0, 100.0),
    "safelrm.data.sources.gsm8k": Texts(1319, 65.0, 800.0),
    "safelrm.data.sources.math500": Texts(500, 55.0, 4000.0),
}
# a source that the table does not know
UNKNOWN = Texts(1000, 100.0, 1000.0)
# settings of a source that choose parts of it, with their rows
_PARTS: Mapping[str, Mapping[str, float]] = {
    "labels": {"safe": 250, "unsafe": 200},
    "functions": {"standard": 200, "contextual": 100, "copyright": 100},
}


def texts(entry: DatasetEntry) -> Texts:
    """Rows and tokens of a data set, from its source and settings."""
    known, settings = KNOWN.get(entry.source, UNKNOWN), entry.settings
    parts = [sum(rows[part] for part in settings[key]) for key, rows in _PARTS.items() if key in settings]
    return replace(known, rows=min([known.rows, settings.get("size", math.inf), *parts]))


def together(parts: Iterable[tuple[Texts, float]], limit: float) -> Texts:
    """Data sets as one, with weighted mean lengths; no response is longer than `limit` tokens."""
    parts = [(part, weight) for part, weight in parts if weight > 0]
    whole = sum(weight for _, weight in parts) or 1.0
    return Texts(
        sum(part.rows for part, _ in parts),
        sum(part.prompt * weight for part, weight in parts) / whole,
        sum(min(part.response, limit) * weight for part, weight in parts) / whole,
    )


def made_model(name: str, entry: MadeModel) -> Model:
    """Size of a base model or a guard."""
    if entry.hub is not None:
        return Model(name, entry.hub.shape, BFLOAT16)
    return Model(name, from_scratch(entry).shape, FLOAT32)


def from_scratch(entry: MadeModel) -> FromScratch:
    """What the factory of a model takes to train it."""
    return settings_model(entry.maker).model_validate(entry.settings).from_scratch()


def active(size: Shape) -> float:
    """Parameters that a token passes."""
    return size.active_parameters or size.parameters


def cache_bytes(size: Shape) -> float:
    """Bytes of the bfloat16 key-value cache per token."""
    layers = size.layers if size.attention_layers is None else size.attention_layers
    return 2.0 * layers * size.kv_heads * size.head_dim * BFLOAT16
