"""Time and memory of training, reading and generating, on a CPU core or on GPUs; and how many GPUs a model needs.

Times follow a roofline: arithmetic at a share of the processor's peak, or bytes at a share of its bandwidth, whichever
takes longer. docs/cost.md gives the formulas, the constants and their sources.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from safelrm.core.errors import SafeLRMError
from safelrm.dag.costs.endpoints import EndpointUse
from safelrm.dag.costs.sizes import BYTES, FLOAT32, SizedModel, Texts
from safelrm.dag.execution import ExecutionSettings
from safelrm.training.settings import TrainingSettings

GIB = 2.0**30
# float32 weights and gradients, and AdamW's two moments
TRAINED_BYTES = 4 * FLOAT32
# kept per token, layer and unit of width: all activations of a layer in bfloat16, or its input alone in float32
ACTIVATION_BYTES, CHECKPOINT_BYTES = 64.0, 4.0
# per token and word: logits in bfloat16 and float32, their gradient, and what the loss makes of them
LOGIT_BYTES = 12.0
# share of a GPU's memory that a job may plan with
USABLE = 0.9
# the engine must hold at least so many of the longest sequences, and runs at most so many
LEAST_RUNNING, MOST_RUNNING = 8, 256
# transformers launches the kernels of a layer in about this time, however small the layer is
LAYER_SECONDS = 1.1e-3
# memory of a process on a GPU, without its model; disk of a job's small outputs
HOST_BYTES, SMALL_DISK = 6.0 * GIB, 0.1 * GIB


@dataclass(frozen=True)
class Batches:
    """What a training passes: steps of so many passes of a size."""

    rows: float
    tokens: float
    longest: float  # tokens of the longest row
    passes: int = 1
    size: int = 1

    @property
    def steps(self) -> float:
        """Optimiser steps."""
        return self.rows / (self.passes * self.size)

    def sequences(self, gpus: int) -> float:
        """Rows of a pass on one GPU, as training/processes.py shares a step; infinite where GPUs cannot share it."""
        rest = gpus // math.gcd(self.passes, gpus)
        return math.inf if self.size % rest else self.size / rest


@dataclass(frozen=True)
class Processor:
    """One of several GPUs, or a CPU core. The defaults are a core's in the nano study's run, two jobs side by side."""

    training: float = 45e9  # FLOP/s in training; on a GPU in bfloat16
    forward: float = 60e9  # FLOP/s in reading, likewise
    float32_rate: float = 1.0  # rate in float32, relative to these two
    bandwidth: float = math.inf  # bytes/s in generating
    sample: float = 6e-5  # seconds to sample one token with a random generator of its own
    memory: float = math.inf  # bytes that can be planned with; on a CPU the host's memory is asked for
    overhead: float = 1.6 * GIB  # libraries; on a GPU CUDA, communication and gathered layers
    training_start: float = 6.0  # seconds until the first step
    engine_start: float = 6.5  # seconds until vLLM answers

    def forward_seconds(self, model: SizedModel, tokens: float, dtype: str, gpus: int) -> float:
        """Seconds to read tokens."""
        return 2.0 * model.active * tokens / (self.forward * self._rate(dtype) * gpus)

    def training_seconds(self, model: SizedModel, batches: Batches, settings: TrainingSettings, gpus: int) -> float:
        """Seconds of all forward and backward passes."""
        # a backward pass takes two forward passes, one of them for the gradients of weights
        forwards, rate = 3.0 if settings.lora is None else 2.0, self._rate(settings.precision)
        forwards += settings.gradient_checkpointing
        arithmetic = 2.0 * forwards * model.active * batches.tokens / (self.training * rate * gpus)
        passes = batches.rows / (batches.sequences(gpus) * gpus)
        return max(arithmetic, forwards * passes * model.shape.layers * LAYER_SECONDS)

    def step_seconds(self, model: SizedModel, running: float, length: float, dtype: str, gpus: int) -> float:
        """Seconds in which each of the running sequences, of this mean length, gets its next token."""
        moved = model.shape.parameters * BYTES[dtype] + running * length * model.cache_bytes
        return max(moved / (self.bandwidth * gpus), self.forward_seconds(model, running, dtype, gpus))

    def generating_seconds(self, model: SizedModel, asked: Texts, dtype: str, gpus: int) -> float:
        """Seconds in which vLLM answers requests."""
        free = (self.memory - self.overhead) * gpus - model.shape.parameters * BYTES[dtype]
        fitting = free / (model.cache_bytes * (asked.prompt + asked.response))
        running = max(1.0, min(asked.rows, MOST_RUNNING, fitting))
        step = self.step_seconds(model, running, asked.prompt + asked.response / 2, dtype, gpus)
        reading = self.forward_seconds(model, asked.rows * asked.prompt, dtype, gpus)
        return reading + asked.rows * asked.response * (step / running + self.sample)

    def training_bytes(self, model: SizedModel, tokens: float, settings: TrainingSettings, gpus: int) -> float:
        """Bytes per GPU to train a model that GPUs share, with so many tokens, padding included, in a pass of each."""
        size = model.shape
        layer = size.hidden_size * ACTIVATION_BYTES * (2.0 if settings.precision == "float32" else 1.0)
        kept = size.layers * layer
        if settings.gradient_checkpointing:
            kept = size.layers * size.hidden_size * CHECKPOINT_BYTES + layer
        fixed = 0.0 if settings.lora is None else size.parameters
        states = (model.trained(settings.lora) * TRAINED_BYTES + fixed * FLOAT32) / gpus
        return states + tokens * (kept + size.vocabulary * LOGIT_BYTES) + self.overhead

    def reference_bytes(self, model: SizedModel, precision: str, gpus: int) -> float:
        """Bytes per GPU of a reference model beside one that is trained."""
        # TRL shards it as one piece: a pass gathers all of it, in the arithmetic of the pass
        return model.shape.parameters * (FLOAT32 / gpus + (BYTES[precision] if gpus > 1 else 0))

    def engine_bytes(self, model: SizedModel, length: float, dtype: str, gpus: int) -> float:
        """Least bytes per GPU with which vLLM serves sequences of this length."""
        held = model.shape.parameters * BYTES[dtype] + LEAST_RUNNING * length * model.cache_bytes
        return held / gpus + self.overhead

    def _rate(self, dtype: str) -> float:
        return self.float32_rate if dtype == "float32" else 1.0


CPU = Processor()


def processor(execution: ExecutionSettings) -> Processor:
    """One GPU as the study describes it, or a CPU core where it describes none."""
    if execution.gpu is None:
        return CPU
    peak, share = execution.gpu.tflops * 1e12, execution.utilisation
    return Processor(
        training=peak * share.training,
        forward=peak * share.forward,
        # 67 of 989 TFLOP/s on an H100, 19.5 of 312 on an A100
        float32_rate=1 / 16,
        bandwidth=execution.gpu.bandwidth * 1e9 * share.bandwidth,
        sample=1.5e-5,
        memory=execution.gpu.memory_gib * GIB * USABLE,
        overhead=4.0 * GIB,
        training_start=60.0,
        engine_start=120.0,
    )


@dataclass(frozen=True)
class Job:
    """What one job needs."""

    seconds: float
    host: float  # bytes of memory of each of its nodes
    disk: float = SMALL_DISK  # bytes of its outputs
    scratch: float = 0.0  # bytes of partial state that it keeps on disk until it ends
    gpus: int = 0  # in all
    nodes: int = 1
    gpu_bytes: float = 0.0  # of memory of each GPU
    asks: EndpointUse | None = None  # an endpoint


@dataclass(frozen=True)
class Fit:
    """GPUs that a job gets, the nodes that they are on, and the bytes that it takes of each; or one CPU core."""

    gpus: int
    nodes: int
    used: float
    cpu: bool = False

    def job(self, seconds: float, *, host: float, disk: float = SMALL_DISK, scratch: float = 0.0) -> Job:
        """The job; `host` counts neither its processes on GPUs nor, on a CPU, the bytes that it was fitted by."""
        if self.cpu:
            return Job(seconds, host + self.used, disk, scratch)
        host += self.gpus // self.nodes * HOST_BYTES
        return Job(seconds, host, disk, scratch, self.gpus, self.nodes, self.used)


@dataclass(frozen=True)
class Beside:
    """What a training has beside its passes, by the number of its GPUs."""

    held_bytes: Callable[[int], float] = lambda _: 0.0  # of each GPU
    seconds: Callable[[int], float] = lambda _: 0.0
    models: int = 1  # in the memory of each process
    most: float = math.inf  # GPUs that it can use


NOTHING = Beside()


def fewest_gpus(
    need: Callable[[int], float], execution: ExecutionSettings, of: SizedModel, key: str, most: float = math.inf
) -> Fit:
    """The fewest GPUs, a power of two that nodes can share evenly, on which a job fits; on a CPU one core.

    Args:
        need: bytes per GPU by the number of GPUs; infinite where the job cannot use that many.
        execution: the GPUs and nodes that there are.
        of: the model that the message names.
        key: the key of the configuration that the message names.
        most: GPUs that the job can use.

    Raises:
        SafeLRMError: it fits on no such number of GPUs.
    """
    if execution.gpu is None:
        return Fit(1, 1, need(1), cpu=True)
    memory = processor(execution).memory
    limit = int(min(execution.gpus_per_node * execution.nodes, most))
    counts = [2**power for power in range(limit.bit_length())]
    tried = [Fit(count, nodes, need(count)) for count in counts if (nodes := nodes_for(count, execution))]
    for fit in tried:
        if fit.used <= memory:
            return fit
    best = min(tried, key=lambda fit: fit.used)
    raise SafeLRMError(
        f"model `{of.name}` ({of.shape.parameters / 1e9:.3g} billion parameters) does not fit: it needs"
        f" {best.used / GIB:.0f} GiB on each of {best.gpus} {execution.gpu.name} GPUs, of which"
        f" {memory / GIB:.0f} GiB of {execution.gpu.memory_gib:g} can be planned with",
        key=key,
        fix="shorten its sequences, set `gradient_checkpointing: true`, put fewer into a pass (smaller `batch_size`"
        " with `gradient_accumulation`, more `micro_batches`), in RL generate with `vllm` (without it one GPU must"
        " do), with a smaller share of the memory or a smaller guard, describe more or larger GPUs in `execution`,"
        " or leave the model out",
    )


def nodes_for(gpus: int, execution: ExecutionSettings) -> int | None:
    """The fewest nodes that so many GPUs can be spread over evenly; None if a job may not have them so."""
    counts = range(1, execution.nodes + 1)
    return next((nodes for nodes in counts if gpus % nodes == 0 and gpus // nodes <= execution.gpus_per_node), None)
