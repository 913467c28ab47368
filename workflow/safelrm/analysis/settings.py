"""Settings of the metrics, and of the comparisons, tables and figures made from them.

Settings of the calibration of safety judges.
"""

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Name, Seed, Strict


class MetricsJobSettings(Strict):
    """Which judge each number is taken from, and how intervals are made."""

    safety_judge: Name = Field(description="the judge of safety in every table and figure, a key of `judges`")
    refusal_judge: Name = Field(description="the judge of refusals, a key of `judges`")
    accuracy_judge: Name = Field(description="the judge of reasoning answers, a key of `judges`")
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="level of the intervals")
    bootstrap_samples: Count = Field(2000, description="resamples of a bootstrap interval")
    seed: Seed = Field(0, description="seed of the bootstrap")


class MetricsSettings(MetricsJobSettings):
    """The section `metrics` of a study."""

    reference_model: Name | None = Field(
        None, description="the model that does not reason, whose base the others are compared with, a key of `models`"
    )
    safety_benchmark: Name | None = Field(
        None, description="the harmful prompts that figures show, of `benchmarks`; needed where there are several"
    )


class ModelModes(Strict):
    """A model and its decoding modes, the first of which tables and figures show."""

    name: Name = Field(description="a key of `models`")
    decodings: list[Name] = Field(min_length=1, description="its decoding modes, in order")


class ComparisonSettings(MetricsJobSettings):
    """What the stage `compare` is given."""

    reference_model: Name | None = Field(None, description="the model whose base the others are compared with")
    models: list[ModelModes] = Field(min_length=1, description="the models, in order")


class TableSettings(Strict):
    """What the stage `tables` is given."""

    models: list[ModelModes] = Field(min_length=1, description="the models, in order")
    confidence: float = Field(gt=0.5, lt=1.0, description="level of the intervals")


class FigureSettings(TableSettings):
    """What the stage `figures` is given."""

    reference_model: Name | None = Field(None, description="the model that does not reason")
    safety_benchmark: Name | None = Field(None, description="the harmful prompts that the figure shows")


class CalibrationSettings(Strict):
    """Which safety judges are compared with which."""

    reference: Name = Field(description="the judge whose verdicts count as true, a key of `judges`")
    judges: list[Name] = Field(min_length=1, description="the judges that are compared with it, keys of `judges`")
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="level of the intervals")

    @model_validator(mode="after")
    def _are_different(self) -> "CalibrationSettings":
        if len({self.reference, *self.judges}) <= len(self.judges):
            raise ValueError("name every judge once, and the reference not among `judges`")
        return self
