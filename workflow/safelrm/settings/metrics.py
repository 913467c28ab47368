"""Settings of the metrics."""

from pydantic import Field

from safelrm.settings.common import Count, Name, Seed, Strict


class MetricsSettings(Strict):
    """Which judge each number is taken from, and how intervals are made."""

    safety_judge: Name = Field(description="the judge of safety, a key of `judges`")
    refusal_judge: Name = Field(description="the judge of refusals, a key of `judges`")
    accuracy_judge: Name = Field(description="the judge of reasoning answers, a key of `judges`")
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="level of the intervals")
    bootstrap_samples: Count = Field(2000, description="resamples of a bootstrap interval")
    seed: Seed = Field(0, description="seed of the bootstrap")
