"""The command line that the stages sft and rl share. Nothing here imports a training library.

Preparing a process for training, before any heavy library is imported.
"""

import argparse
import ctypes
import os
import sys
from importlib import import_module
from pathlib import Path

from safelrm.core.checkpoints import model_folder
from safelrm.core.work import resumable_parser


def training_parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the checkpoint to train, the arm's seed and the outputs already declared."""
    parser = resumable_parser(description)
    parser.add_argument("--checkpoint", required=True, type=Path, help="manifest of the model to train")
    parser.add_argument("--seed", required=True, type=int, help="seed of the arm")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest to write")
    parser.add_argument("--curve", required=True, type=Path, help="training curve to write")
    return parser


def training_outputs(options: argparse.Namespace) -> list[Path]:
    """What a training writes."""
    return [options.manifest, model_folder(options.manifest), options.curve]


# parameters of glibc's mallopt, from malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def prepare_process() -> None:
    """Keep the libraries offline and silent, vLLM in this process, and freed memory too.

    Models come from checkpoints on disk, so nothing is asked of a hub and no telemetry is sent.
    Hugging Face's libraries read these variables when they are first imported.
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
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let malloc reuse large blocks instead of handing them back to the system.

    By default every large tensor is mapped anew and its pages are cleared at each use: on a CPU
    that took nearly half of the time of fine-tuning a model of a million parameters.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl does not
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def hide_vllm_from_trl() -> None:
    """Let TRL believe that vLLM is not installed.

    Its GRPO trainer imports vLLM wherever that is installed, also for runs that generate with
    transformers: 6 s of a job of a minute. Call this before `trl.GRPOTrainer` is imported.
    """
    import_module("trl.import_utils").is_vllm_available = lambda *_, **__: False
