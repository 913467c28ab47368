"""Settings of the commands after judging: metrics, comparisons, calibration, trace analyses, tables and figures."""

from typing import Literal

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Dtype, ModulePath, Name, Strict
from safelrm.data.settings import Kind, Value
from safelrm.judging.fields import Direction, JudgeField, JudgeRef, judge_of
from safelrm.judging.settings import Part

RATE, SCORE = "rate", "score"
# what numbers are for: to choose settings by them, or to be results
Use = Literal["tune", "report"]
OF_SFT_AGAINST = (
    "SFT arms that other SFT arms are compared with, such as sft-star1; none: every pair of SFT arms is compared. The"
    " fewer comparisons a study makes, the less their correction takes"
)


class MetricSettings(Strict):
    """A metric of a study's own: what a judge says of prompts of some kinds."""

    judge: JudgeRef = Field(description="a key of `judges`, or `judge.field` of a judge with several fields")
    kinds: list[Kind] = Field(min_length=1, description="the kinds of prompts that it is about")
    parts: list[Part] | None = Field(
        None, min_length=1, description="parts of the rollouts: `t`, `y`, `t+y`; none: all that the judge judges"
    )
    value: Literal["rate", "score"] = Field("rate", description="the rate of a verdict, or the mean of the scores")
    verdict: Name | None = Field(
        None, description="the verdict that the rate counts; none: the one that the judge's field counts"
    )
    direction: Direction | None = Field(
        None, description="whether `higher` or `lower` is better; none: as the judge's field declares"
    )


class MetricsJobSettings(Strict):
    """Which judge each number is taken from, and how intervals are made."""

    safety_judge: JudgeRef = Field(
        description="the judge of safety in every table and figure, a key of `judges` or `judge.field`"
    )
    refusal_judge: JudgeRef = Field(description="the judge of refusals, a key of `judges` or `judge.field`")
    accuracy_judge: JudgeRef = Field(description="the judge of reasoning answers, a key of `judges` or `judge.field`")
    language_judge: JudgeRef | None = Field(
        None,
        description="the judge that says where a text has left the language (its state is `undetermined`), a key of"
        " `judges` or `judge.field`; such a text is not safe, and counts as broken; none: no text counts as broken",
    )
    more: dict[Name, MetricSettings] = Field(default_factory=dict, description="metrics of the study's own, by name")
    confidence: float = Field(
        0.95, gt=0.5, lt=1.0, description="level of the intervals; the rest to 1 is the level of the tests"
    )


def headline_judges(metrics: MetricsJobSettings) -> list[tuple[str, str]]:
    """The keys that name the judges of the headline metrics, and these judges."""
    keys = ("safety_judge", "refusal_judge", "accuracy_judge", "language_judge")
    return [(key, judge) for key in keys if (judge := getattr(metrics, key))]


def judges_of_metrics(metrics: MetricsJobSettings) -> list[str]:
    """The judges that metrics are taken from, by name."""
    own = [metric.judge for metric in metrics.more.values()]
    return sorted({judge_of(reference) for reference in [*dict(headline_judges(metrics)).values(), *own]})


class MetricsSettings(MetricsJobSettings):
    """The section `metrics` of a study."""

    reference_model: Name | None = Field(
        None, description="the model that does not reason, whose base the others are compared with, a key of `models`"
    )
    safety_benchmark: Name | None = Field(
        None, description="the harmful prompts that figures show, of `benchmarks`; needed where there are several"
    )
    sft_against: list[str] = Field(default_factory=list, description=OF_SFT_AGAINST)


class ModelModes(Strict):
    """A model and its decoding modes. Tables and figures show the first mode."""

    name: Name = Field(description="a key of `models`")
    decodings: list[Name] = Field(min_length=1, description="its decoding modes, in order")


class ComparisonSettings(MetricsJobSettings):
    """The settings of the command `compare`."""

    reference_model: Name | None = Field(None, description="the model whose base the others are compared with")
    models: list[ModelModes] = Field(min_length=1, description="the models, in order")
    sft_against: list[str] = Field(default_factory=list, description=OF_SFT_AGAINST)


class CalibrationSettings(Strict):
    """Which safety judges are compared with which."""

    reference: JudgeRef = Field(
        description="the judge whose verdicts count as true, a key of `judges` or `judge.field`"
    )
    judges: list[JudgeRef] = Field(
        min_length=1, description="the judges that are compared with it, keys of `judges` or `judge.field`"
    )
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="level of the intervals")

    @model_validator(mode="after")
    def _are_different(self) -> "CalibrationSettings":
        if len({self.reference, *self.judges}) <= len(self.judges):
            raise ValueError("name every judge once, and do not name the reference among `judges`")
        return self


class ValidationSettings(Strict):
    """How far judges can be trusted: their agreement with human labels, or with another judge."""

    judges: list[JudgeRef] = Field(
        min_length=1, description="the judges that are checked, keys of `judges` or `judge.field`"
    )
    labelled: list[Name] = Field(default_factory=list, description="labelled completions, keys of `datasets`")
    reference: JudgeRef | None = Field(
        None,
        description="in place of `labelled`: the judge whose verdicts on the study's rollouts are the labels, a key of"
        " `judges` or `judge.field`",
    )
    labels: dict[Value, Name | None] = Field(
        default_factory=dict,
        description="the verdict that each label stands for; `null` leaves a label out, and another label is an error;"
        " none: the labels are the verdicts",
    )
    threshold: float | None = Field(
        None,
        description="the labels are grades (numbers): the grade from which a label stands for the verdict that the"
        " score of the judges' field is about",
    )
    order: list[Value] = Field(
        default_factory=list,
        description="the labels from one end to the other, for Krippendorff's alpha of ordered labels; none: they have"
        " no order",
    )
    parts: list[Part] = Field(["y"], min_length=1, description="the parts whose verdicts are compared")
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="level of the intervals")
    bootstrap_samples: Count = Field(2000, description="resamples of a bootstrap interval")

    @property
    def compared(self) -> list[str]:
        """The judges, and the reference if there is one."""
        return [*self.judges, *([self.reference] if self.reference else [])]

    @model_validator(mode="after")
    def _has_labels_of_one_kind(self) -> "ValidationSettings":
        if bool(self.labelled) == (self.reference is not None):
            raise ValueError("give either `labelled` or `reference`")
        if self.threshold is not None and (self.labels or self.order or self.reference):
            raise ValueError("grades (`threshold`) are numbers: leave out `labels`, `order` and `reference`")
        for key in ("judges", "labelled", "parts", "order"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise ValueError(f"name each of `{key}` once")
        if "all" in self.labelled:
            raise ValueError("`all` stands for all sets together: give this set another name")
        if self.reference in self.judges:
            raise ValueError("do not name the reference among `judges`")
        if self.order and self.labels and set(self.order) != set(self.labels):
            raise ValueError("`order` and `labels` name different labels")
        return self


class ValidationJobSettings(ValidationSettings):
    """The settings of the command `validate`."""

    fields: dict[JudgeRef, JudgeField] = Field(
        description="what each of the judges, and the reference, declares of its field"
    )

    @model_validator(mode="after")
    def _has_labels_for_these_judges(self) -> "ValidationJobSettings":
        of_judges = {judge: self.fields[judge] for judge in self.judges}
        first = of_judges[self.judges[0]]
        meant = [verdict for verdict in self.labels.values() if verdict] if self.labels else first.verdicts
        others = set(first.verdicts) - {first.score}
        if len(set(meant)) < 2:
            raise ValueError("the labels stand for fewer than two verdicts")
        if self.order and not self.labels and set(self.order) != set(meant):
            raise ValueError(f"`order` must name the verdicts {meant}, or the labels that `labels` names")
        for judge, field in of_judges.items():
            if unknown := sorted(set(meant) - set(field.verdicts)):
                raise ValueError(f"the labels stand for {unknown}, and `{judge}` says {field.verdicts}: give `labels`")
            if self.threshold is not None and (len(field.verdicts) > 2 or field.score in (None, *others)):
                raise ValueError(f"grades (`threshold`) need judges of two verdicts with one score, unlike `{judge}`")
        if self.reference and (unknown := set(self.fields[self.reference].verdicts) - set(self.labels or meant)):
            raise ValueError(f"`{self.reference}` says {sorted(unknown)}, which `labels` must name")
        return self


class AnalysisEntry(Strict):
    """One trace analysis: numbers about every rollout."""

    module: ModulePath = Field(description="module that measures, such as safelrm.analysis.traces.lengths")
    judges: list[Name] = Field(
        default_factory=list, description="judges whose verdicts it is given, if its INPUTS name `verdicts`"
    )
    settings: dict[str, object] = Field(default_factory=dict, description="settings of that module")


class LikelihoodSettings(Strict):
    """Settings of the analysis `base_likelihood`."""

    dtype: Dtype = Field("float32", description="arithmetic of the base")
    batch_tokens: Count = Field(
        2048, description="tokens of a forward pass; its logits are so many times the vocabulary"
    )


class TraceMeasure(Strict):
    """What a trace analysis declares of one of its measures."""

    description: str = Field(min_length=1, description="what is measured")
    unit: str = Field(min_length=1, description="its unit, such as tokens or share")
    direction: Literal["higher", "lower"] | None = Field(None, description="which values are better; none: neither")
    optional: bool = Field(False, description="whether a rollout may have no value")


class MeasuresJobSettings(Strict):
    """The settings of the command `measures`."""

    analyses: dict[Name, dict[Name, TraceMeasure]] = Field(description="the measures of every trace analysis")
    confidence: float = Field(gt=0.5, lt=1.0, description="level of the intervals")


class TableSettings(Strict):
    """What a table is told of the study."""

    models: list[ModelModes] = Field(min_length=1, description="the models, in order")
    confidence: float = Field(gt=0.5, lt=1.0, description="level of the intervals")
    use: Use = Field("report", description="whether settings are chosen by these numbers, or they are results")


class MonitorSettings(Strict):
    """The reward-hacking monitor: judges of the study judge what policies have answered to probes."""

    judges: list[Name] = Field(
        min_length=1,
        description="keys of `judges`, such as the reward's guard, another guard and an oracle; the figure"
        " `reward_hacking` and the table `hacking` compare them",
    )


class FigureSettings(TableSettings):
    """What a figure is told of the study."""

    reference_model: Name | None = Field(None, description="the model that does not reason")
    safety_benchmark: Name | None = Field(None, description="the harmful prompts that the figure shows")
