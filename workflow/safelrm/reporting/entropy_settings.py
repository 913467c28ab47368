"""Settings of the figure of entropies: which samples it shows."""

from typing import Annotated, Literal

from pydantic import Field

from safelrm.core.settings import Name, Strict

# as many as the style has markers
MOST_ARMS = 6


class EntropyFigureSettings(Strict):
    """Which samples the figure shows. Decoding modes are never put together."""

    model: Name | None = Field(None, description="the model; none: the first")
    decoding: Name | None = Field(None, description="its decoding mode; none: the first")
    kind: Literal["harmful", "benign", "reasoning"] = Field("harmful", description="kind of the prompts")
    part: Literal["t", "y"] = Field("t", description="tokens of traces (t) or of answers (y)")
    arms: list[Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]] | None = Field(
        None, min_length=1, max_length=MOST_ARMS, description="arms, at most six; none: the first six"
    )
