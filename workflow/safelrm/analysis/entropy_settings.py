"""Settings of the command `entropy`: how uncertain policies are at the tokens of their own samples."""

from typing import Annotated

from pydantic import Field, model_validator

from safelrm.analysis.markers import ABOUT_MARKERS, Markers
from safelrm.core.settings import Count, Dtype, Name, Positive, Strict
from safelrm.generation.settings import TemplateArguments


class EntropyReading(Strict):
    """Which samples are read, and how their entropies are put together."""

    benchmarks: Annotated[list[Name], Field(min_length=1)] = Field(
        description="prompts whose samples are read, of `benchmarks`"
    )
    prompts: Count | None = Field(
        50,
        description="prompts of each benchmark: those that come first by a hash of their ids. All arms are read on the"
        " same ones, in all decoding modes, with all samples; none: all prompts",
    )
    markers: Markers = Field("cyclic_reflex", description=ABOUT_MARKERS)
    histogram_bins: Count = Field(40, description="bins of equal width of the histogram of entropies, from 0 nats on")
    histogram_end: Positive = Field(4.0, description="nats where they end; one more bin counts all that lies above")
    position_bins: Count = Field(
        20, description="bins of a token's relative place in the trace, and in the answer, from 0 to 1"
    )
    dtype: Dtype = Field("float32", description="arithmetic of the models; entropies are taken in float32")
    batch_tokens: Count = Field(2048, description="tokens of a forward pass; a longer sample has a pass of its own")


class EntropyJobSettings(EntropyReading):
    """Settings of the command `entropy`."""

    temperatures: dict[Name, dict[Name, Positive]] = Field(
        description="by benchmark and decoding mode, the temperature at which distributions are taken"
    )
    decodings: dict[Name, TemplateArguments] = Field(
        min_length=1, description="arguments of the chat template by decoding mode"
    )


class EntropySettings(EntropyReading):
    """How uncertain policies are at the tokens of their own samples, and how far they have moved from their bases."""

    models: list[Name] | None = Field(
        None, min_length=1, description="models whose arms are read, keys of `models` with arms; none: all with arms"
    )
    temperature: Positive | None = Field(
        None,
        description="temperature at which distributions are taken; none: that at which each sample was drawn, which"
        " must then be above 0",
    )

    @model_validator(mode="after")
    def _names_each_once(self) -> "EntropySettings":
        for key in ("benchmarks", "models"):
            names = getattr(self, key) or []
            if len(set(names)) < len(names):
                raise ValueError(f"{key}: name each once")
        return self
