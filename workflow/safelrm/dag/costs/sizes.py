"""Sizes of models and data sets, without loading any of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safelrm.dag.entries import DatasetEntry, MadeModel
from safelrm.dag.paths import fetched_model
from safelrm.dag.registry import settings_model
from safelrm.models.settings import FromScratch, Shape
from safelrm.models.sizes import shape_of, stored_bytes
from safelrm.training.settings import LoraSettings

BYTES = {"float32": 4, "bfloat16": 2}
FLOAT32, BFLOAT16 = BYTES["float32"], BYTES["bfloat16"]
# of a data set of which neither `expected` nor its settings say it
GUESSED_ROWS, GUESSED_PROMPT_TOKENS = 1000.0, 32.0
# inputs and outputs of all linear maps of a layer, in units of the width
LAYER_WIDTHS = 25.0
# bytes in memory of a token of a rollout, and of a row
TOKEN_BYTES, ROW_BYTES = 50.0, 36e3


@dataclass(frozen=True)
class SizedModel:
    """A model: its name, its size, and the bytes of its checkpoint."""

    name: str
    shape: Shape
    stored: float

    @property
    def active(self) -> float:
        """Parameters that a token passes."""
        return self.shape.active_parameters or self.shape.parameters

    def trained(self, lora: LoraSettings | None) -> float:
        """Parameters that a training changes: all, or those of updates of low rank to all linear maps."""
        if lora is None:
            return self.shape.parameters
        return LAYER_WIDTHS * self.shape.hidden_size * self.shape.layers * lora.rank

    @property
    def cache_bytes(self) -> float:
        """Bytes of the bfloat16 key-value cache per token."""
        size = self.shape
        layers = size.layers if size.attention_layers is None else size.attention_layers
        return 2.0 * layers * size.kv_heads * size.head_dim * BFLOAT16


def sized_model(name: str, entry: MadeModel) -> SizedModel | None:
    """Size of a base model or a guard; None if only its files tell it, and they are not fetched yet.

    A size that the configuration gives is taken first. A hub then has the weights in bfloat16. A factory makes them in
    float32.

    Raises:
        SafeLRMError: the files of the model do not tell it.
    """
    if entry.factory:
        shape = from_scratch(entry).shape
        return SizedModel(name, shape, shape.parameters * FLOAT32)
    if entry.hub and entry.hub.shape:
        return SizedModel(name, entry.hub.shape, entry.hub.shape.parameters * BFLOAT16)
    if entry.hub and not Path(fetched_model(entry.hub.repo)).is_file():
        return None
    folder = Path(fetched_model(entry.hub.repo)).parent if entry.hub else Path(str(entry.path))
    return SizedModel(name, shape_of(folder), stored_bytes(folder))


def from_scratch(entry: MadeModel) -> FromScratch:
    """What the factory of a model takes to train it."""
    return settings_model(entry.maker).model_validate(entry.settings).from_scratch()


@dataclass(frozen=True)
class Texts:
    """Prompts with responses: how many, and the mean tokens of a prompt and of a response."""

    rows: float
    prompt: float
    response: float

    @property
    def tokens(self) -> float:
        """Tokens of all prompts and responses."""
        return self.rows * (self.prompt + self.response)


def expected_texts(entry: DatasetEntry, limit: float) -> Texts:
    """Rows and tokens of a data set: those of `expected`, else what its settings say, else a guess.

    Args:
        entry: the data set.
        limit: most tokens of a response. Half of the limit is the guess.
    """
    expected, size = entry.expected, entry.settings.get("size")
    return Texts(
        rows=expected.rows or (float(size) if isinstance(size, int) else GUESSED_ROWS),
        prompt=expected.prompt_tokens or GUESSED_PROMPT_TOKENS,
        response=min(expected.response_tokens or limit / 2, limit),
    )


def mixed(parts: Sequence[tuple[Texts, float]]) -> Texts:
    """Data sets as one: all rows, and the weighted means of the lengths."""
    whole = sum(weight for _, weight in parts) or 1.0
    return Texts(
        rows=sum(part.rows for part, _ in parts),
        prompt=sum(part.prompt * weight for part, weight in parts) / whole,
        response=sum(part.response * weight for part, weight in parts) / whole,
    )


def table_bytes(asked: Texts) -> float:
    """Bytes of memory of the rollouts of one run."""
    return asked.tokens * TOKEN_BYTES + asked.rows * ROW_BYTES
