"""Training curves: what a trainer logs, as plain lines and as a table, and a stop at the first NaN."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from safelrm.core.errors import SafeLRMError
from safelrm.models.schemas import CURVES


class CurveWatch(TrainerCallback):
    """Prints chosen metrics of each logging step as one line.

    Args:
        metrics: name of the metric in the trainer's log -> name in the curve.

    Raises:
        SafeLRMError: one of the metrics, or after a step a weight, is NaN or infinite.
    """

    def __init__(self, metrics: Mapping[str, str]) -> None:
        self._metrics = metrics

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Called by the trainer with the metrics of a step."""
        values = _chosen(logs or {}, self._metrics)
        if not values:
            return
        for name, value in values.items():
            if not math.isfinite(value):
                raise diverged(f"{name} is {value}", state.global_step)
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
            # of weights that are spread over GPUs, the part of this one
            part = weight.to_local() if isinstance(weight, DTensor) else weight
            if not torch.isfinite(part).all():
                raise diverged(f"{name} holds NaN or infinity", state.global_step)


def write_curve(path: Path, history: Sequence[Mapping[str, float]], metrics: Mapping[str, str]) -> None:
    """Write chosen metrics of a trainer's log, of which the state of a run keeps all steps from the first.

    Args:
        path: the table CURVES to write.
        history: the trainer's log.
        metrics: name of the metric in the log -> name in the curve. A metric that a step lacks (a reward
            term that applied to no sample) has no row for that step.
    """
    rows = [(entry["step"], *point) for entry in history for point in _chosen(entry, metrics).items()]
    CURVES.write(path, pd.DataFrame(rows, columns=CURVES.schema.names))


def _chosen(logged: Mapping[str, float], metrics: Mapping[str, str]) -> dict[str, float]:
    found = {shown: logged.get(name) for name, shown in metrics.items()}
    return {shown: float(value) for shown, value in found.items() if value is not None}


def diverged(what: str, step: int) -> SafeLRMError:
    """The error of a run whose numbers are no numbers any more."""
    return SafeLRMError(f"{what} at step {step}: training diverged", key="learning_rate", fix="lower the learning rate")
