"""How the commands `sft` and `rl` start: their command line, and the process before a training library is imported.

This module itself imports no training library.
"""

import argparse
import ctypes
import importlib.metadata
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path

from safelrm.core.checkpoints import adapter_folder, model_folder
from safelrm.core.work import resumable_parser, run_resumably
from safelrm.training.failures import memory_advice
from safelrm.training.probing import add_probing_arguments
from safelrm.training.settings import TrainingSettings

# parameters of glibc's mallopt, from malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def training_parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the checkpoint to train, the run, its probes and the outputs already declared."""
    parser = resumable_parser(description)
    parser.add_argument("--checkpoint", required=True, type=Path, help="manifest of the model to train")
    parser.add_argument("--seed", required=True, type=int, help="seed of the arm")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest to write")
    parser.add_argument("--curve", required=True, type=Path, help="training curve to write")
    add_probing_arguments(parser)
    return parser


def run_training(
    stage: str,
    options: argparse.Namespace,
    inputs: Sequence[Path],
    settings: TrainingSettings,
    train: Callable[..., None],
) -> Path:
    """Run a training that goes on from its partial state; the manifest that it has written.

    Args:
        stage: name of the stage.
        options: all arguments of the command line of `training_parser`.
        inputs: the files that the training reads besides the checkpoint, in a fixed order.
        settings: the recipe.
        train: takes the folder for partial state, and `checkpoint`, `seed`, `manifest` and `curve` by name.

    Raises:
        SafeLRMError: the training fails, or its memory does not suffice.
    """
    outputs = [options.manifest, model_folder(options.manifest), options.curve, options.probes]
    if settings.lora and settings.lora.keep_adapter:
        outputs.append(adapter_folder(options.manifest))
    given = {name: getattr(options, name) for name in ("checkpoint", "seed", "manifest", "curve")}
    with memory_advice(settings):
        run_resumably(stage, options, [options.checkpoint, *inputs], outputs, partial(train, **given))
    return options.manifest


def prepare_process() -> None:
    """Keep the libraries offline and silent, and vLLM in this process; let malloc keep freed memory.

    Models come from checkpoints on disk, so no hub is asked and no telemetry is sent. Hugging Face's libraries read
    these variables when they are first imported.
    """
    os.environ.update(
        HF_HUB_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_DATASETS_DISABLE_PROGRESS_BARS="1",
        TOKENIZERS_PARALLELISM="false",
        VLLM_ENABLE_V1_MULTIPROCESSING="0",
        VLLM_NO_USAGE_STATS="1",
        TRANSFORMERS_VERBOSITY="error",
    )
    # transformers and TRL both look through all files of all packages, which takes half a second each time
    importlib.metadata.packages_distributions = cache(importlib.metadata.packages_distributions)
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let malloc reuse large blocks instead of handing them back to the system.

    By default the system maps every large tensor anew and clears its pages at each use. On a CPU that took nearly
    half of the time to fine-tune a model of a million parameters.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl does not
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def hide_vllm_from_trl() -> None:
    """Let TRL believe that vLLM is not installed. Call this before `trl.GRPOTrainer` is imported.

    TRL's GRPO trainer imports vLLM if it is installed, even for runs that generate with transformers. That takes 6 s
    of a job of a minute. It would also make these runs depend on vLLM, which their code hash leaves out.
    """
    import_module("trl.import_utils").is_vllm_available = lambda *_, **__: False
