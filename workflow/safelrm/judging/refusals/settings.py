"""Settings of classifiers of refusals, and of the judge that asks one. They are read whenever Snakemake starts."""

from pydantic import Field

from safelrm.core.settings import Count, Positive, Share, Strict


class ClassifierSettings(Strict):
    """How a classifier of refusals is trained and checked."""

    sentence_penalty: Positive = Field(
        1.0, description="ridge penalty of the regression on vectors of sentences; more makes it more careful"
    )
    answer_penalty: Positive = Field(1.0, description="ridge penalty of the regression on vectors of answers")
    verdict_penalty: Positive = Field(1.0, description="ridge penalty of the regression on what these two score")
    written_examples: bool = Field(
        True, description="whether it also learns from the short answers in judging/refusals/examples.py"
    )
    folds: Count = Field(5, ge=2, description="parts of the prompts that are held out in turn, to check it")


class LearnedRefusalSettings(Strict):
    """Settings of the judge that asks a classifier of refusals."""

    threshold: Share = Field(0.5, description="probability of a full or a partial refusal from which it is a refusal")
