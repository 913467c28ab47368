"""A training run of the factory: its model, average, optimisers and curve, and their saved state.

A killed run goes on from the saved state.
"""

import copy
import json
import math
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path, write_json
from safelrm.core.snapshots import newest_step, seal, snapshot_path
from safelrm.nano.pretraining.examples import IGNORED, Example, collate
from safelrm.nano.pretraining.optimisers import new_optimisers
from safelrm.nano.settings import Optimisation

Measures = dict[str, float]
Probing = Callable[[PreTrainedModel, Collection[str]], Measures]


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        steps: steps taken in each phase so far.
        phase: the phase at hand, counted from 0.
        passed_in_row: how often the probe of the last phase has passed in a row.
        rows: the curve so far: step, metric and value.
    """

    steps: list[int]
    phase: int = 0
    passed_in_row: int = 0
    rows: list[Sequence[int | str | float]] = field(default_factory=list)

    @property
    def step(self) -> int:
        """Steps taken in all."""
        return sum(self.steps)


class Training:
    """A model in training: its average, its optimiser and its curve."""

    def __init__(self, model: PreTrainedModel, settings: Optimisation) -> None:
        self.model, self.settings = model, settings
        self.average = copy.deepcopy(model).requires_grad_(False).eval()
        self.weights = ([*self.average.parameters()], [*model.parameters()])
        self.optimisers = new_optimisers(model, settings)
        self.progress = Progress([0] * len(settings.phases))

    def take_step(self, batch: Sequence[Example]) -> None:
        """One optimiser step.

        Raises:
            SafeLRMError: the loss is not finite.
        """
        self.progress.steps[self.progress.phase] += 1
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = optimiser.defaults["lr"] * min(1.0, self.progress.step / self.settings.warmup_steps)
        ids, labels = collate(batch, self.model.config.pad_token_id)
        logits = self.model(input_ids=ids, use_cache=False).logits[:, :-1]
        loss = cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
        value = loss.item()
        if not math.isfinite(value):
            raise SafeLRMError(
                f"the loss is {value} at step {self.progress.step}",
                key="learning_rate",
                fix=f"lower it; it is {self.settings.learning_rate}",
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        with torch.no_grad():
            torch._foreach_lerp_(*self.weights, 1.0 - self.settings.averaging)
        if self.progress.step % self.settings.log_every == 0:
            self.log({"loss": value})

    def passes(self, probe: Probing, threshold: float, measures: Collection[str] = ()) -> bool:
        """Whether the average reaches the threshold in all of these measures of the probe; none stands for all."""
        with torch.inference_mode():
            values = probe(self.average, measures)
        self.log({f"probe/{name}": value for name, value in values.items()})
        print(f"step {self.progress.step}: {figures(values)}", file=sys.stderr)
        return all(value >= threshold for value in values.values())

    def log(self, values: Measures) -> None:
        """Add a point to each curve."""
        self.progress.rows += [(self.progress.step, metric, value) for metric, value in values.items()]

    def curve(self) -> pd.DataFrame:
        """The curve, as the table CURVES."""
        return pd.DataFrame(self.progress.rows, columns=["step", "metric", "value"])


def figures(measures: Measures) -> str:
    """Measures as one line of text."""
    return ", ".join(f"{name} {value:.3f}" for name, value in measures.items())


WEIGHTS, OPTIMISERS, PROGRESS = "weights.safetensors", "optimisers.pt", "progress.json"


def save_state(training: Training, folder: Path) -> None:
    """Save all that the further course depends on, in place of what is in the folder.

    The examples are drawn again from the seed, so the state holds the number of steps per phase and no examples.
    """
    with atomic_path(snapshot_path(folder, training.progress.step)) as snapshot:
        snapshot.mkdir()
        save_file(_tensors(training) | {"random": torch.get_rng_state()}, snapshot / WEIGHTS)
        torch.save([optimiser.state_dict() for optimiser in training.optimisers], snapshot / OPTIMISERS)
        write_json(snapshot / PROGRESS, asdict(training.progress))
    seal(snapshot_path(folder, training.progress.step))


def load_state(training: Training, folder: Path) -> None:
    """Bring a new run to the newest state in the folder, if there is one."""
    step = newest_step(folder)
    if step == 0:
        return
    snapshot = snapshot_path(folder, step)
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
