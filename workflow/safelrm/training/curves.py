"""Training curves: what a trainer logs, as plain lines and as a table, and a stop at the first NaN."""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from safelrm.core.errors import SafeLRMError
from safelrm.schemas.curves import CURVES


class CurveRecorder(TrainerCallback):
    """Records chosen metrics of each logging step and prints them as one line.

    Args:
        metrics: name of the metric in the trainer's log -> name in the curve. A metric that a step
            lacks (a reward term that applied to no sample) has no row for that step.

    Raises:
        SafeLRMError: a recorded metric, or after a step a weight, is NaN or infinite.
    """

    def __init__(self, metrics: Mapping[str, str]) -> None:
        self._metrics = metrics
        self._rows: list[tuple[int, str, float]] = []

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Called by the trainer with the metrics of a step."""
        found = {self._metrics[name]: value for name, value in (logs or {}).items() if name in self._metrics}
        values = {name: float(value) for name, value in found.items() if value is not None}
        if not values:
            return
        for name, value in values.items():
            if not math.isfinite(value):
                raise diverged(f"{name} is {value}", state.global_step)
        self._rows += [(state.global_step, name, value) for name, value in values.items()]
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        print(f"step {state.global_step}/{state.max_steps}  {shown}", flush=True)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: PreTrainedModel | None = None,
        **_: object,
    ) -> None:
        """Called by the trainer after the weights have changed."""
        for name, weight in model.named_parameters():
            if not torch.isfinite(weight).all():
                raise diverged(f"{name} holds NaN or infinity", state.global_step)

    def write(self, path: Path) -> None:
        """Write the curve."""
        CURVES.write(path, pd.DataFrame(self._rows, columns=CURVES.schema.names))


def diverged(what: str, step: int) -> SafeLRMError:
    """The error of a run whose numbers are no numbers any more."""
    return SafeLRMError(f"{what} at step {step}: training diverged", key="learning_rate", fix="lower the learning rate")
