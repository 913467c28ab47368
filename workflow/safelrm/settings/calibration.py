"""Settings of the calibration of safety judges."""

from pydantic import Field, model_validator

from safelrm.settings.common import Name, Strict


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
