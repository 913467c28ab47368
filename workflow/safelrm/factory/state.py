"""The state of a training run of the factory, saved so that a killed run goes on where it was."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from safelrm.core.files import atomic_path, write_json
from safelrm.core.snapshots import newest_snapshot, seal, snapshot_path
from safelrm.factory.training import Progress, Training

WEIGHTS, OPTIMISERS, PROGRESS = "weights.safetensors", "optimisers.pt", "progress.json"


def save_state(training: Training, folder: Path) -> None:
    """Save all that the further course depends on, in place of what is in the folder.

    Of the order of examples the number of steps per phase is enough: they are drawn again from the seed.
    """
    with atomic_path(snapshot_path(folder, training.progress.step)) as snapshot:
        snapshot.mkdir()
        save_file(_tensors(training) | {"random": torch.get_rng_state()}, snapshot / WEIGHTS)
        torch.save([optimiser.state_dict() for optimiser in training.optimisers], snapshot / OPTIMISERS)
        write_json(snapshot / PROGRESS, asdict(training.progress))
    seal(snapshot_path(folder, training.progress.step))


def load_state(training: Training, folder: Path) -> None:
    """Bring a new run to the newest state in the folder, if there is one."""
    snapshot = newest_snapshot(folder)
    if snapshot is None:
        return
    print(f"going on from {snapshot}", flush=True)
    saved = load_file(snapshot / WEIGHTS)
    with torch.no_grad():
        for name, weight in _tensors(training).items():
            weight.copy_(saved[name])
    states = torch.load(snapshot / OPTIMISERS, weights_only=True)
    for optimiser, state in zip(training.optimisers, states, strict=True):
        optimiser.load_state_dict(state)
    training.progress = Progress(**json.loads((snapshot / PROGRESS).read_text(encoding="utf-8")))
    torch.set_rng_state(saved["random"])


def _tensors(training: Training) -> dict[str, Tensor]:
    models = {"model": training.model, "average": training.average}
    # weights that two layers share are named once
    return {f"{kind}.{name}": weight for kind, model in models.items() for name, weight in model.named_parameters()}
