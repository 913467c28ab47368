"""The guards that terms of a reward read, loaded once a process."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from safelrm.core.checkpoints import verified_model
from safelrm.inference.readings import ForwardGuard
from safelrm.inference.settings import GuardSettings
from safelrm.judging.guard import require_readable
from safelrm.training.rewards.guard import RewardGuard


def load_guards(
    guards: Mapping[str, Path], readings: Mapping[str, GuardSettings], dtype: str
) -> dict[str, RewardGuard]:
    """The guards by name.

    Args:
        guards: their manifests by name.
        readings: how each is asked and read.
        dtype: arithmetic, "float32" or "bfloat16".
    """
    models = {name: verified_model(manifest) for name, manifest in guards.items()}
    return {
        name: RewardGuard(
            ForwardGuard(model, readings[name], dtype=getattr(torch, dtype)),
            readings[name].min_label_mass,
            partial(require_readable, settings=readings[name], guard=model),
            name=name,
            fields=tuple(readings[name].fields),
        )
        for name, model in models.items()
    }
