"""What training needs to know of the processes that it runs in, one per GPU.

The trainer arguments that do not depend on the loss.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist

from safelrm.core.errors import SafeLRMError
from safelrm.training.settings import TrainingSettings


def process_count() -> int:
    """Processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def take_device() -> None:
    """Make the GPU of this process the one that `cuda` means. Call it before anything is put there."""
    if process_count() > 1 and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def share_batch(passes: int, size: int, *, keys: Sequence[str]) -> tuple[int, int]:
    """How each process takes its part of an optimiser step, so that the step stays what the recipe says.

    Passes are shared first: those that are left have the recipe's size, and need no more memory than it meant.

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
    """The greatest of the values that the processes have; all must ask, and none goes on before all have asked."""
    if process_count() == 1:
        return value
    shared = torch.tensor([value], device=device)
    dist.all_reduce(shared, dist.ReduceOp.MAX)
    return int(shared.item())


def sharding(*, gradient_checkpointing: bool) -> dict[str, object]:
    """Arguments of a trainer that decide what each process holds: its part on several GPUs, else the whole model."""
    if process_count() == 1 or not torch.cuda.is_available():
        return {"gradient_checkpointing": gradient_checkpointing}
    return fully_sharded(gradient_checkpointing=gradient_checkpointing)


def fully_sharded(*, gradient_checkpointing: bool) -> dict[str, object]:
    """Arguments of a trainer for FSDP2: each process holds its part of weights, gradients and optimiser, in float32."""
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

    Data in memory, state saved into `work` when training/resuming.py says so, every step
    logged, and no filter that would replace a NaN loss in the log.
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
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
    }
