"""What judges say: the fields of a judge, the verdicts of each, and the event that a rate counts.

A judge declares its fields. Its module holds a literal `FIELDS`, or its settings have a key `fields`. A configuration
names a field as `judge.field`, or as `judge` if the judge has one field only. Importing this module is quick:
Snakemake reads declarations whenever it starts.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from safelrm.core.cli import settings_error
from safelrm.core.settings import Name, Strict

if TYPE_CHECKING:
    import pandas as pd

FIELDS = "FIELDS"
HIGHER, LOWER = "higher", "lower"
Direction = Literal["higher", "lower"]
# a judge of a study, or one of its fields
JudgeRef = Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*(\.[a-z0-9]+(_[a-z0-9]+)*)?$")]
# every judge may say it, so no judge declares it
UNSCORED = "unscored"
# the state of a verdict on a text that did not end
SO_FAR = "so_far"


class JudgeField(Strict):
    """One question that a judge answers about a text."""

    verdicts: list[Name] = Field(min_length=2, description="its possible verdicts; `unscored` is always possible")
    counts: Name = Field(description="the verdict that a rate counts: 1 for this one, 0 for every other")
    direction: Direction = Field(description="whether a `higher` or a `lower` rate is better")
    score: Name | None = Field(
        None, description="the verdict that a score of 1 stands for; scores lie in [0, 1]; none: it gives no scores"
    )

    @model_validator(mode="after")
    def _names_its_own_verdicts(self) -> Self:
        if UNSCORED in self.verdicts or len(set(self.verdicts)) < len(self.verdicts):
            raise ValueError(f"name each verdict once, and not `{UNSCORED}`, which every judge may say")
        for key in ("counts", "score"):
            value = getattr(self, key)
            if value is not None and value not in self.verdicts:
                raise ValueError(f"`{key}` is `{value}`, which is not one of `verdicts`")
        return self

    def better(self, verdict: str) -> Direction:
        """Whether more or less of a verdict is better."""
        return self.direction if verdict == self.counts else LOWER if self.direction == HIGHER else HIGHER


class _Fields(Strict):
    fields: dict[Name, JudgeField] = Field(min_length=1)


def declared(module: str, literal: object, settings: Mapping[str, object]) -> dict[str, JudgeField]:
    """The fields that a judge declares, checked.

    Args:
        module: dotted path of the judge's module, for messages.
        literal: its `FIELDS`; None if it has none.
        settings: the judge's settings, as JSON has them. Their `fields` may say more of each field than this.

    Raises:
        SafeLRMError: they are none, or not as a field must be.
    """
    found = settings.get("fields") if literal is None else literal
    if literal is None and isinstance(found, Mapping):
        found = {name: {key: of[key] for key in JudgeField.model_fields if key in of} for name, of in found.items()}
    try:
        return _Fields.model_validate({"fields": found}).fields
    except ValidationError as error:
        fault = settings_error(error, module)
        fault.key = str(fault.key or FIELDS).replace("fields", FIELDS, 1)
        fault.fix = "declare each field with `verdicts`, `counts` and `direction`, as judging/refusal.py does"
        raise fault from None


def chosen_field(reference: str) -> tuple[str, str | None]:
    """The judge and the field of a reference; the field is None where only the judge is named."""
    judge, _, field = reference.partition(".")
    return judge, field or None


def judge_of(reference: str) -> str:
    """The judge of a reference."""
    return chosen_field(reference)[0]


def said_by(verdicts: "pd.DataFrame", reference: str) -> "pd.DataFrame":
    """The rows of VERDICTS of a judge, or of one of its fields. What it says of texts that did not end is unscored."""
    found = _rows_of(verdicts, reference)
    cut = found["state"] == SO_FAR
    return found.assign(verdict=found["verdict"].mask(cut, UNSCORED), score=found["score"].mask(cut))


def said_so_far(verdicts: "pd.DataFrame", reference: str) -> "pd.DataFrame":
    """What a judge, or one of its fields, says of texts that did not end, as far as they go: rows of VERDICTS."""
    found = _rows_of(verdicts, reference)
    return found[found["state"] == SO_FAR]


def _rows_of(verdicts: "pd.DataFrame", reference: str) -> "pd.DataFrame":
    judge, field = chosen_field(reference)
    found = verdicts[verdicts["judge"] == judge]
    return found if field is None else found[found["field"] == field]
