"""What vLLM has to be told about a model's architecture.

Starting vLLM in this process, the same way on a GPU and on a CPU.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from transformers import AutoConfig

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import GPUS

if TYPE_CHECKING:
    from vllm import LLM


def has_state_space_layers(folder: Path) -> bool:
    """Whether some layers of the model in a folder keep a state instead of a cache of all tokens (Mamba and the like).

    vLLM by itself reuses the states of prompts that begin alike, for which it wants to read prompts in parts.
    """
    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None) or ()
    return any(kind == "linear_attention" or "attention" not in kind for kind in kinds)


ENVIRONMENT = {
    # in a process of its own the engine is slower to start, and a killed job could leave it behind
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    # binding would put all jobs of one machine on the same cores
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    # or asking for GPUs readies CUDA, and the processes that vLLM forks for several GPUs cannot use it any more
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
# without a limit the CPU build claims nearly all memory of the machine
CPU_KV_CACHE_BYTES = 256 << 20
# prompts and decoded tokens that one step of the engine processes at most
TOKENS_PER_STEP = 8192


def start_engine(folder: Path, *, dtype: str, max_model_length: int, seed: int = 0) -> "LLM":
    """A vLLM engine for the model in `folder`, offline. One engine per process: it keeps its memory to the end.

    Args:
        folder: model, generation configuration and tokenizer.
        dtype: arithmetic, "float32" or "bfloat16".
        max_model_length: longest prompt plus completion, in tokens.
        seed: seed of requests that have none of their own.

    Raises:
        SafeLRMError: vLLM cannot load the model, or not at this length.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import torch  # noqa: PLC0415  (like vllm, reads its environment when imported)

    # split over the job's GPUs, where several were given to it
    hardware: dict[str, object] = {"tensor_parallel_size": max(1, int(os.environ.get(GPUS, "1")))}
    if has_state_space_layers(folder):
        # the reuse of what prompts have in common reads them in parts
        hardware["enable_prefix_caching"] = False
    if not torch.cuda.is_available():
        # or vLLM compiles its ranking of log-probabilities, for longer than most jobs take
        os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
        hardware |= {"tensor_parallel_size": 1, "enforce_eager": True, "kv_cache_memory_bytes": CPU_KV_CACHE_BYTES}
    try:
        with _uncollected():
            from vllm import LLM  # noqa: PLC0415

        return LLM(
            model=str(folder),
            dtype=dtype,
            max_model_len=max_model_length,
            seed=seed,
            # a prompt read in parts is sampled from after each part: that uses up the request's own
            # random numbers, so that completions would depend on the batch (and the CPU build fails)
            enable_chunked_prefill=False,
            max_num_batched_tokens=max(TOKENS_PER_STEP, max_model_length),
            disable_log_stats=True,
            use_tqdm_on_load=False,
            **hardware,
        )
    except (ImportError, ValueError, RuntimeError, OSError) as error:
        # vLLM checks its arguments with pydantic, whose text repeats all of them
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise SafeLRMError(
            f"vLLM cannot start with {dtype} and {max_model_length} tokens ({reason})",
            file=folder,
            fix="check that vLLM supports the architecture, that the length is not above the model's own, and that the"
            " job's GPUs divide its attention heads",
        ) from error


@contextmanager
def _uncollected() -> Iterator[None]:
    """Import without garbage collection: modules stay, and searching them takes a third of an engine's start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
