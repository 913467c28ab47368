"""Settings of the audit of data sets."""

from pydantic import Field

from safelrm.core.settings import Name, Strict


class AuditSettings(Strict):
    """Which training sets are compared with which evaluation sets."""

    train: list[Name] = Field(min_length=1, description="training sets (conversations or prompts), keys of `datasets`")
    evaluation: list[Name] = Field(min_length=1, description="evaluation sets (prompts), keys of `datasets`")
    near_threshold: float = Field(
        0.7, gt=0.0, le=1.0, description="token Jaccard similarity from which two prompts are near duplicates"
    )
