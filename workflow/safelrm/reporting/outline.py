"""What a figure or a table may ask of a study, to say whether it has something to show."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelOutline:
    """A model that has arms.

    Attributes:
        name: a key of `models`.
        methods: the methods of its arms: some of `base`, `sft`, `dpo` and `rl`.
        arms: the names of its arms, such as `sft-star1`.
        decodings: its decoding modes; tables show the first.
    """

    name: str
    methods: frozenset[str]
    arms: tuple[str, ...]
    decodings: tuple[str, ...]


@dataclass(frozen=True)
class StudyOutline:
    """A study, without its settings.

    Attributes:
        models: the models that have arms, in order.
        reference_model: of these, the one that does not reason.
        benchmarks: the kind of each benchmark, or None if its settings do not say it.
        judges: the names of the judges.
        analyses: the names of the trace analyses.
        calibrated: whether judges are calibrated.
        memorised: whether Min-K% probabilities of data sets are measured.
        trajectories: whether a guard reads traces sentence by sentence.
        uncertain: whether entropies of policies are taken.
        monitored: the models whose arms are probed, if judges of the study judge the answers (`monitor`).
        pattern_judges: the judges of risky patterns, if arms are trained on selections of distillations.
    """

    models: tuple[ModelOutline, ...] = ()
    reference_model: ModelOutline | None = None
    benchmarks: Mapping[str, str | None] | None = None
    judges: tuple[str, ...] = ()
    analyses: tuple[str, ...] = ()
    calibrated: bool = False
    memorised: bool = False
    trajectories: bool = False
    uncertain: bool = False
    monitored: tuple[str, ...] = ()
    pattern_judges: tuple[str, ...] = ()

    @property
    def reasoning_models(self) -> tuple[ModelOutline, ...]:
        """The models that have arms, but for the reference model."""
        return tuple(model for model in self.models if model != self.reference_model)
