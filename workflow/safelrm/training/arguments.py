"""The trainer arguments that do not depend on the loss."""

from pathlib import Path

import torch

from safelrm.settings.training import TrainingSettings
from safelrm.training.processes import sharding


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
