"""What a report says and holds."""

from typing import Annotated

from pydantic import Field

from safelrm.core.settings import Name, Strict

NumberOf = Annotated[
    dict[str, str],
    Field(
        description="the one number: `table` (metrics, differences, calibration, measures or memorisation; metrics"
        " if it is left out), and values of its columns"
    ),
]


class Finding(Strict):
    """A sentence about the results, with the numbers that it stands on."""

    says: str = Field(min_length=1, description="the sentence; `{name}` stands for a number")
    numbers: dict[Name, NumberOf] = Field(default_factory=dict, description="the numbers of the sentence by name")
    figure: Name | None = Field(None, description="a figure of the study that shows it")
    caveat: str = Field(min_length=1, description="what it does not show")


class ReportSettings(Strict):
    """The report of a study."""

    title: str = Field("", description="its title; the study's name if it is left out")
    findings: list[Finding] = Field(default_factory=list, description="what the study shows, in order")
    megabytes: float = Field(
        20.0, gt=0, description="texts of transcripts in one file, before compression; more go to pages beside it"
    )
