"""What is compared with what: pairs of runs that answered the same prompts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safelrm.analysis.order import METHODS, method
from safelrm.schemas.differences import ARM_BASE, BASE_REFERENCE, DECODINGS, RL_SFT
from safelrm.settings.metrics import ModelModes

BASE = "base"


@dataclass(frozen=True)
class Side:
    """The runs of an arm in one decoding mode, over all seeds."""

    model: str
    arm: str
    decoding: str


@dataclass(frozen=True)
class Comparison:
    """A side, the side it is compared with, and why."""

    kind: str
    side: Side
    against: Side

    @property
    def same_runs(self) -> bool:
        """Whether a seed is the same checkpoint on both sides."""
        return self.kind == DECODINGS


def comparisons(sides: set[Side], models: Sequence[ModelModes], reference_model: str | None) -> list[Comparison]:
    """Every comparison that the given sides allow, in the order of the models.

    arm_base        every arm less its model's base, in the same decoding mode
    rl_sft          every RL arm less every SFT arm of its model, in the same mode
    base_reference  every other model's base, in each mode, less the reference model's in its first mode
    decodings       every arm in its model's first mode less the same arm in each other mode
    """
    found = [
        *(pair for model in models for pair in _within(sides, model)),
        *(pair for model in models for pair in _with_reference(model, models, reference_model)),
        *(pair for model in models for pair in _between_modes(sides, model)),
    ]
    return [pair for pair in found if {pair.side, pair.against} <= sides]


def _within(sides: set[Side], model: ModelModes) -> Iterator[Comparison]:
    arms = _arms(sides, model)
    for mode in model.decodings:
        for arm in arms:
            if arm != BASE:
                yield Comparison(ARM_BASE, Side(model.name, arm, mode), Side(model.name, BASE, mode))
        for arm in arms:
            for other in arms:
                if (method(arm), method(other)) == ("rl", "sft"):
                    yield Comparison(RL_SFT, Side(model.name, arm, mode), Side(model.name, other, mode))


def _with_reference(
    model: ModelModes, models: Sequence[ModelModes], reference_model: str | None
) -> Iterator[Comparison]:
    reference = next((other for other in models if other.name == reference_model), None)
    if reference is None or reference == model:
        return
    for mode in model.decodings:
        against = Side(reference.name, BASE, reference.decodings[0])
        yield Comparison(BASE_REFERENCE, Side(model.name, BASE, mode), against)


def _between_modes(sides: set[Side], model: ModelModes) -> Iterator[Comparison]:
    first, *others = model.decodings
    for arm in _arms(sides, model):
        for mode in others:
            yield Comparison(DECODINGS, Side(model.name, arm, first), Side(model.name, arm, mode))


def _arms(sides: set[Side], model: ModelModes) -> list[str]:
    names = {side.arm for side in sides if side.model == model.name}
    return sorted(names, key=lambda arm: (METHODS.index(method(arm)), arm))
