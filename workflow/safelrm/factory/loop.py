"""The training loop of the factory: a curriculum, until a held-out probe passes.

What is probed and kept is a moving average of the weights. At a constant learning rate it is as good as a decayed
rate would make it, at every step, so that training can stop whenever the probe says so. This, and the
curriculum, is why it is a plain loop and not transformers' Trainer, whose schedule is fixed beforehand.
"""

import copy
import math
import random
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice

import pandas as pd
import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from safelrm.core.errors import SafeLRMError
from safelrm.factory.examples import IGNORED, Example, collate, draw_batches
from safelrm.factory.optimisers import new_optimisers
from safelrm.settings.factory import Optimisation, Phase, Probe

Measures = dict[str, float]
Probing = Callable[[PreTrainedModel, Collection[str]], Measures]


class Training:
    """A model in training: its average, its optimiser and its curve."""

    def __init__(self, model: PreTrainedModel, settings: Optimisation) -> None:
        self.model, self.settings = model, settings
        self.average = copy.deepcopy(model).requires_grad_(False).eval()
        self.weights = ([*self.average.parameters()], [*model.parameters()])
        self.optimisers = new_optimisers(model, settings)
        self.step = 0
        self.rows: list[tuple[int, str, float]] = []

    def take_step(self, batch: Sequence[Example]) -> None:
        """One optimiser step.

        Raises:
            SafeLRMError: the loss is not finite.
        """
        self.step += 1
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = optimiser.defaults["lr"] * min(1.0, self.step / self.settings.warmup_steps)
        ids, labels = collate(batch, self.model.config.pad_token_id)
        logits = self.model(input_ids=ids, use_cache=False).logits[:, :-1]
        loss = cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
        value = loss.item()
        if not math.isfinite(value):
            raise SafeLRMError(
                f"the loss is {value} at step {self.step}",
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
        if self.step % self.settings.log_every == 0:
            self.log({"loss": value})

    def passes(self, probe: Probing, threshold: float, measures: Collection[str] = ()) -> bool:
        """Whether the average reaches the threshold in all of these measures of the probe; none stands for all."""
        with torch.inference_mode():
            values = probe(self.average, measures)
        self.log({f"probe/{name}": value for name, value in values.items()})
        print(f"step {self.step}: {_figures(values)}", file=sys.stderr)
        return all(value >= threshold for value in values.values())

    def log(self, values: Measures) -> None:
        """Add a point to each curve."""
        self.rows += [(self.step, metric, value) for metric, value in values.items()]

    def curve(self) -> pd.DataFrame:
        """The curve, as the table CURVES."""
        return pd.DataFrame(self.rows, columns=["step", "metric", "value"])


def train(
    model: PreTrainedModel,
    pools: Mapping[str, Sequence[Example]],
    settings: Optimisation,
    probe_settings: Probe,
    probe: Probing,
    *,
    seed: int,
) -> tuple[PreTrainedModel, pd.DataFrame]:
    """Train until every measure of `probe` reaches its threshold often enough in a row, in the last phase.

    Returns:
        The averaged model, and the curve: the loss and the probe's measures.

    Raises:
        SafeLRMError: the loss is not finite, or the probe does not pass within the steps of all phases.
    """
    training = Training(model, settings)
    rng = random.Random(seed)
    *early, last = settings.phases
    for phase in early:
        for batch in _batches(pools, phase, settings, rng):
            training.take_step(batch)
            due = phase.until and training.step % probe_settings.every == 0
            if due and training.passes(probe, probe_settings.threshold, phase.until):
                break
    passed_in_row = 0
    for batch in _batches(pools, last, settings, rng):
        training.take_step(batch)
        if training.step >= probe_settings.first_step and training.step % probe_settings.every == 0:
            passed_in_row = passed_in_row + 1 if training.passes(probe, probe_settings.threshold) else 0
            if passed_in_row == probe_settings.passes:
                return training.average, training.curve()
    raise _too_weak(training, probe_settings)


def _batches(
    pools: Mapping[str, Sequence[Example]], phase: Phase, settings: Optimisation, rng: random.Random
) -> Iterator[list[Example]]:
    return islice(draw_batches(pools, phase.mixture, settings.batch_size, rng), phase.steps)


def _too_weak(training: Training, settings: Probe) -> SafeLRMError:
    last = {metric.removeprefix("probe/"): value for _, metric, value in training.rows if metric.startswith("probe/")}
    return SafeLRMError(
        f"the held-out probe has not passed {settings.passes} times in a row at {settings.threshold}"
        f" by step {training.step}; last: {_figures(last) or 'no probe'}",
        key="optimisation",
        fix="give the last phase more steps, or change the mixture or the learning rate",
    )


def _figures(measures: Measures) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in measures.items())
