"""Training curves: a trainer's metrics as printed lines and as a table, and an error at the first NaN."""

import math
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel, TrainerControl, TrainerState, TrainingArguments

from safelrm.core.errors import SafeLRMError
from safelrm.models.schemas import CURVES
from safelrm.training.watching import LogWatch


class CurveWatch(LogWatch):
    """Prints chosen metrics of each step as one line, and ends a run that diverges.

    Args:
        metrics: name of a metric in the trainer's log -> its name in the curve.

    Raises:
        SafeLRMError: a metric, or a weight after a step, is NaN or infinite.
    """

    def __init__(self, metrics: Mapping[str, str]) -> None:
        self._metrics = metrics

    def look(self, logs: MutableMapping[str, float], state: TrainerState, args: TrainingArguments) -> None:
        """Look at the metrics of a step."""
        values = _chosen(logs, self._metrics)
        if not values:
            return
        for name, value in values.items():
            if not math.isfinite(value):
                raise divergence_error(f"{name} is {value}", state.global_step)
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
        """The trainer calls this after the weights have changed."""
        for name, weight in model.named_parameters():
            # if weights are spread over GPUs, each process checks its own part
            part = weight.to_local() if isinstance(weight, DTensor) else weight
            if not torch.isfinite(part).all():
                raise divergence_error(f"{name} holds NaN or infinity", state.global_step)


def write_curve(path: Path, history: Sequence[Mapping[str, float]], metrics: Mapping[str, str]) -> None:
    """Write chosen metrics of all steps as the table CURVES.

    Args:
        path: the file to write.
        history: the trainer's log, which holds all steps even if the run was resumed.
        metrics: name of a metric in the log -> its name in the curve. If a step lacks a metric (a reward term
            that applied to no sample), the curve has no row for it.
    """
    rows = [(entry["step"], *point) for entry in history for point in _chosen(entry, metrics).items()]
    CURVES.write(path, pd.DataFrame(rows, columns=CURVES.schema.names))


def _chosen(logged: Mapping[str, float], metrics: Mapping[str, str]) -> dict[str, float]:
    found = {shown: logged.get(name) for name, shown in metrics.items()}
    return {shown: float(value) for shown, value in found.items() if value is not None}


def divergence_error(what: str, step: int) -> SafeLRMError:
    """The error for a run whose loss, weights or probabilities have become NaN or infinite."""
    return SafeLRMError(f"{what} at step {step}: training diverged", key="learning_rate", fix="lower the learning rate")
