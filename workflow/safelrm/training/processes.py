"""The processes of a training, one per GPU, and the TRL configuration of a training."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from transformers import TrainingArguments
from transformers.integrations import get_available_reporting_integrations

from safelrm.core.errors import SafeLRMError
from safelrm.training.settings import TrainingSettings

Config = TypeVar("Config", bound=TrainingArguments)
# below it TensorBoard's files of each run, unless the user's environment says otherwise
BOARDS, BOARD_VARIABLE = Path("logs/tensorboard"), "TENSORBOARD_LOGGING_DIR"


def process_count() -> int:
    """Processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def process_rank() -> int:
    """The number of this process among those that train together, from 0."""
    return int(os.environ.get("RANK", "0"))


def take_device() -> None:
    """Let `cuda` mean the GPU of this process. Call it before anything is put there."""
    if process_count() > 1 and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def share_batch(passes: int, size: int, *, keys: Sequence[str]) -> tuple[int, int]:
    """The part of an optimiser step that each process takes, so that the step stays the recipe's.

    Passes are shared first: each pass then keeps the recipe's size, and needs no more memory.

    Args:
        passes: forward and backward passes of a step.
        size: sequences of a pass.
        keys: their keys in the recipe.

    Returns:
        passes of each process, and sequences of a pass.

    Raises:
        SafeLRMError: the number of processes does not divide the batch so.
    """
    together = math.gcd(passes, process_count())
    rest = process_count() // together
    if size % rest:
        raise SafeLRMError(
            f"{passes} passes of {size} sequences cannot be shared by {process_count()} processes",
            key=" and ".join(keys),
            fix="give the job a number of GPUs that divides the passes, or the passes and then their size",
        )
    return passes // together, size // rest


def greatest(value: int, device: torch.device) -> int:
    """The greatest value of all processes. Each process must ask, and waits here until all have asked."""
    if process_count() == 1:
        return value
    shared = torch.tensor([value], device=device)
    dist.all_reduce(shared, dist.ReduceOp.MAX)
    return int(shared.item())


def sharding(*, gradient_checkpointing: bool) -> dict[str, object]:
    """Trainer arguments for what each process holds: a part of the model on several GPUs, otherwise all of it."""
    if process_count() == 1 or not torch.cuda.is_available():
        return {"gradient_checkpointing": gradient_checkpointing}
    return fully_sharded(gradient_checkpointing=gradient_checkpointing)


def fully_sharded(*, gradient_checkpointing: bool) -> dict[str, object]:
    """Trainer arguments for FSDP2: each process holds its part of weights, gradients and optimiser, in float32."""
    return {
        "fsdp": True,
        "fsdp_config": {
            "version": 2,
            "reshard_after_forward": True,
            # each process writes and reads its part of a snapshot
            "state_dict_type": "SHARDED_STATE_DICT",
            # in place of gradient_checkpointing, which would gather the weights once more
            "activation_checkpointing": gradient_checkpointing,
        },
        "gradient_checkpointing": False,
    }


def shared_arguments(settings: TrainingSettings, seed: int, work: Path) -> dict[str, object]:
    """Keyword arguments of a TRL configuration.

    They keep data in memory, log every step, and do not filter a NaN loss out of the log. State is saved into `work`
    when training/resuming.py says so.
    """
    return {
        "output_dir": str(work),
        "seed": seed,
        "data_seed": seed,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": settings.precision == "bfloat16",
        "fp16": False,
        **sharding(gradient_checkpointing=settings.gradient_checkpointing),
        # a term that some mixtures of experts add to the loss, and TRL wherever their configuration does not say 0
        "router_aux_loss_coef": 0.0,
        "max_grad_norm": settings.max_gradient_norm,
        "eval_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
    }


def trainer_config(
    kind: type[Config],
    settings: TrainingSettings,
    of_recipe: Mapping[str, object],
    *,
    seed: int,
    work: Path,
    curve: Path,
) -> Config:
    """TRL's configuration of a training: what SafeLRM sets, what the recipe's keys say, and the recipe's `trainer`.

    Args:
        kind: the class, that of `settings.trl_config`.
        settings: the recipe.
        of_recipe: the arguments that follow from the keys of the recipe.
        seed: seed of the arm.
        work: the folder for the state.
        curve: the training curve to write. Services that follow the run know it by the end of this path.

    Raises:
        SafeLRMError: TRL does not take an option of `trainer`, or a service that it names is not installed.
    """
    run = "/".join(curve.with_suffix("").parts[-3:])
    _prepare_services(settings.trainer.get("report_to") or "none", run)
    given = {**shared_arguments(settings, seed, work), "run_name": run, **of_recipe}
    try:
        return kind(**given | settings.trainer)
    except (ImportError, TypeError, ValueError) as error:
        if not settings.trainer:
            raise
        names = ", ".join(settings.trainer)
        raise SafeLRMError(
            f"TRL's {kind.__name__} refuses the recipe: {error}", key="trainer", fix=f"mend or leave out {names}"
        ) from error


def _prepare_services(report_to: str | Sequence[str], run: str) -> None:
    asked = {report_to} if isinstance(report_to, str) else set(report_to)
    missing = asked - {"none", *(get_available_reporting_integrations() if asked != {"none"} else ())}
    if missing:
        raise SafeLRMError(
            f"the package of {' and of '.join(sorted(missing))} is not installed",
            key="trainer.report_to",
            fix="install it into the environment beside what the lock has, or leave it out",
        )
    if "tensorboard" in asked:
        os.environ.setdefault(BOARD_VARIABLE, str(BOARDS / run))
