"""Settings of the nano study's trained reader of risky patterns, and of the labels that it learns from."""

from pydantic import Field

from safelrm.core.settings import Count, Dtype, Seed, Strict
from safelrm.inference.settings import GuardSettings
from safelrm.judging.pattern_flags import PatternSettings


class PatternLabelSettings(Strict):
    """Texts with the labels of risky patterns, of train words only."""

    size: Count = Field(15000, description="number of questions, shared out over the patterns; half are answered yes")
    seed: Seed = Field(description="seed of the draw")


class PatternReaderSettings(PatternSettings):
    """Settings of the judge that asks a trained reader."""

    reading: GuardSettings = Field(description="how the reader is asked: `reading` of its entry in `guards`")
    dtype: Dtype = Field("float32", description="arithmetic of the engine")
