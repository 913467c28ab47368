"""What a training leaves: its curve and its model, written once, by the first of its processes."""

from collections.abc import Mapping
from pathlib import Path

from transformers import Trainer

from safelrm.core.process import is_first_process
from safelrm.training.curves import write_curve
from safelrm.training.models import Policy, save_policy


def write_result(trainer: Trainer, policy: Policy, metrics: Mapping[str, str], *, curve: Path, manifest: Path) -> None:
    """Write the curve, the model folder beside `manifest`, and `manifest`.

    Args:
        trainer: it has trained `policy`, maybe in several processes, of which each calls this.
        policy: the model that was trained.
        metrics: name of a metric in the trainer's log -> name in the curve.
        curve: the table to write.
        manifest: the manifest to write.
    """
    # all take part: each may hold a part of the weights
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if is_first_process():
        write_curve(curve, trainer.state.log_history, metrics)
        save_policy(policy, weights, manifest)
