"""The model of a folder, ready to run: as a vLLM engine, on a GPU or a CPU alike, or as a network of transformers."""

import gc
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from pydantic import ValidationError
from transformers import AutoConfig, AutoModelForCausalLM

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import GPUS
from safelrm.inference.store import Question

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from vllm import LLM, CompletionOutput

ENVIRONMENT = {
    # an engine in a process of its own starts more slowly, and a killed job could leave it behind
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    # binding would put all jobs of one machine on the same cores
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    # otherwise the question for GPUs initialises CUDA, and the processes that vLLM forks for several GPUs cannot use it
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
# without a limit the CPU build claims nearly all memory of the machine
CPU_KV_CACHE_BYTES = 256 << 20
# completions that a CPU works on at first, and the seconds within which one must be finished for another one to join
FIRST_RUNNING, QUICK_SECONDS = 32, 15.0
# the most prompt and decoded tokens that one step of the engine processes
TOKENS_PER_STEP = 8192


def start_engine(
    folder: Path, *, dtype: str, max_model_length: int, seed: int = 0, edit: Callable[[object], None] | None = None
) -> "LLM":
    """A vLLM engine for the model in `folder`, offline. An engine keeps its memory, so a process starts one only.

    Args:
        folder: model, generation configuration and tokenizer.
        dtype: arithmetic, "float32" or "bfloat16".
        max_model_length: longest prompt plus completion, in tokens.
        seed: seed of requests that have none of their own.
        edit: changes the loaded model by hooks. The model is then not compiled, since compiled code skips hooks.

    Raises:
        SafeLRMError: vLLM cannot load the model, or not at this length.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # the engine splits the model over the job's GPUs
    hardware: dict[str, object] = {"tensor_parallel_size": max(1, int(os.environ.get(GPUS, "1")))}
    if has_state_space_layers(folder):
        # vLLM would read prompts in parts to reuse the states of prompts that begin alike
        hardware["enable_prefix_caching"] = False
    if not torch.cuda.is_available():
        # otherwise vLLM compiles its ranking of log-probabilities, which takes longer than most jobs
        os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
        hardware |= {"tensor_parallel_size": 1, "enforce_eager": True, "kv_cache_memory_bytes": CPU_KV_CACHE_BYTES}
    if edit is not None:
        hardware["enforce_eager"] = True
    try:
        with _uncollected():
            from vllm import LLM  # noqa: PLC0415  (vLLM reads its environment when it is imported)

        engine = LLM(
            model=str(folder),
            dtype=dtype,
            max_model_len=max_model_length,
            seed=seed,
            # vLLM samples after each part of a prompt that it reads in parts. That uses up the request's own random
            # numbers, so completions would depend on the batch. The CPU build even fails
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
    if edit is not None:
        engine.apply_model(edit)
    return engine


def complete(engine: "LLM", questions: Sequence[Question]) -> Iterator[tuple[int, "CompletionOutput"]]:
    """The engine's completion of each prompt with its place among the questions, as soon as it is finished.

    A killed job loses the completions that are not finished. So a slow CPU works on few at a time.

    Args:
        engine: the engine.
        questions: token ids of each prompt, and the arguments of vLLM's SamplingParams.
    """
    from vllm import SamplingParams  # noqa: PLC0415  (the engine's environment is set by now)
    from vllm.sampling_params import RequestOutputKind  # noqa: PLC0415

    # earlier prompts in the cache may change the order of arithmetic
    engine.reset_prefix_cache()
    running, waiting = engine.llm_engine, deque(enumerate(questions))
    most = len(questions) if torch.cuda.is_available() else FIRST_RUNNING
    began: dict[int, float] = {}
    try:
        while waiting or began:
            while waiting and len(began) < most:
                place, (token_ids, sampling) = waiting.popleft()
                asked = SamplingParams(**sampling, detokenize=False, output_kind=RequestOutputKind.FINAL_ONLY)
                running.add_request(str(place), {"prompt_token_ids": token_ids}, asked)
                began[place] = time.monotonic()
            for output in running.step():
                if output.finished:
                    most += time.monotonic() - began.pop(int(output.request_id)) < QUICK_SECONDS
                    yield int(output.request_id), output.outputs[0]
    finally:
        # or the engine would give them to whoever asks it next
        running.abort_request([str(place) for place in began])


def has_state_space_layers(folder: Path) -> bool:
    """Whether some layers of the model keep a state instead of a cache of all tokens (Mamba and the like)."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None) or ()
    return any(kind == "linear_attention" or "attention" not in kind for kind in kinds)


def load_model(folder: Path, dtype: torch.dtype) -> "PreTrainedModel":
    """The model of a folder in transformers, with its weights in `dtype`.

    Raises:
        SafeLRMError: it cannot be loaded.
    """
    try:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)
    except (OSError, ValueError) as error:
        raise SafeLRMError(
            f"the model cannot be loaded ({error})", file=folder, fix="make the checkpoint again"
        ) from error


@contextmanager
def _uncollected() -> Iterator[None]:
    """Import without garbage collection: searching the modules, which stay, takes a third of an engine's start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
