"""Time and memory of training, reading and generating, on a CPU core or on GPUs.

Times are those of a roofline: arithmetic at a share of the processor's peak, or bytes at a share of its bandwidth,
whichever takes longer. docs/cost.md gives formulas, constants and their sources.
"""

from dataclasses import dataclass

from safelrm.dag.costs.sizes import BFLOAT16, FLOAT32, Model, active, cache_bytes
from safelrm.dag.settings import ExecutionSettings
from safelrm.models.settings import Shape
from safelrm.training.settings import TrainingSettings

GIB = 2.0**30

# float32 weights and gradients, and AdamW's two moments
TRAINED_BYTES = 4 * FLOAT32
# kept per token, layer and unit of width: all activations of a layer in bfloat16, or its input alone in float32
ACTIVATION_BYTES, CHECKPOINT_BYTES = 64.0, 4.0
# logits in bfloat16 and float32 and their gradient, and what the loss makes of them
LOGIT_BYTES = 12.0
# the share of a GPU's memory that a job may plan with
USABLE = 0.9
# the engine must hold at least so many of the longest sequences, and runs at most so many
LEAST_RUNNING, MOST_RUNNING = 8, 256
# of a GPU's rate in bfloat16, in float32: 67 of 989 TFLOP/s on an H100, 19.5 of 312 on an A100
FLOAT32_RATE = 1 / 16
# transformers launches the kernels of a layer in about this time, however small it is
LAYER_SECONDS = 1.1e-3
STORAGE_BYTES_PER_SECOND = 1e9


@dataclass(frozen=True)
class Processor:
    """What a job runs on: one CPU core, or one of several GPUs.

    Attributes:
        gpu: whether it is a GPU.
        training: FLOP/s in training; on a GPU in bfloat16.
        forward: FLOP/s in reading, likewise.
        bandwidth: bytes/s in generating.
        memory: bytes of usable memory; unlimited on a CPU, where the host's memory is asked for.
        overhead: bytes that a process takes before it has a model: on a GPU for CUDA, communication and gathered
            layers, on a CPU for libraries.
        float32_rate: rate in float32, relative to these.
        sample: seconds to sample one token with a random generator of its own.
        training_start: seconds until the first step: imports and loading of libraries.
        engine_start: seconds until vLLM answers.
    """

    gpu: bool
    training: float
    forward: float
    bandwidth: float
    memory: float
    overhead: float
    float32_rate: float
    sample: float
    training_start: float
    engine_start: float

    def forward_seconds(self, size: Shape, tokens: float, *, float32: bool, gpus: int) -> float:
        """Seconds to read tokens."""
        rate = self.forward * (self.float32_rate if float32 else 1.0)
        return 2.0 * active(size) * tokens / (rate * gpus)

    def training_seconds(
        self, size: Shape, tokens: float, passes: float, settings: TrainingSettings, gpus: int
    ) -> float:
        """Seconds of forward and backward passes: over all tokens, in so many passes of each GPU."""
        forwards = 4.0 if settings.gradient_checkpointing else 3.0
        rate = self.training * (self.float32_rate if settings.precision == "float32" else 1.0)
        arithmetic = 2.0 * forwards * active(size) * tokens / (rate * gpus)
        return max(arithmetic, forwards * passes * size.layers * LAYER_SECONDS)

    def step_seconds(self, size: Shape, running: float, length: float, *, float32: bool, gpus: int) -> float:
        """Seconds in which each of the running sequences, of this length on average, gets its next token."""
        width = FLOAT32 if float32 else BFLOAT16
        bytes_read = size.parameters * width + running * length * cache_bytes(size)
        arithmetic = self.forward_seconds(size, running, float32=float32, gpus=gpus)
        return max(bytes_read / (self.bandwidth * gpus), arithmetic)

    def generating_seconds(
        self, size: Shape, requests: float, prompt: float, response: float, *, running: float, float32: bool, gpus: int
    ) -> float:
        """Seconds in which vLLM reads all prompts and generates all responses."""
        tokens = requests * response
        step = self.step_seconds(size, running, prompt + response / 2, float32=float32, gpus=gpus)
        reading = self.forward_seconds(size, requests * prompt, float32=float32, gpus=gpus)
        return reading + tokens / running * step + tokens * self.sample

    def running(self, size: Shape, requests: float, length: float, *, float32: bool, gpus: int) -> float:
        """Sequences that the engine runs at once, as far as its cache holds them."""
        width = FLOAT32 if float32 else BFLOAT16
        free = (self.memory - self.overhead) * gpus - size.parameters * width
        fitting = max(1.0, free / max(1.0, cache_bytes(size) * length))
        return max(1.0, min(requests, MOST_RUNNING, fitting))

    def training_bytes(self, size: Shape, tokens: float, settings: TrainingSettings, gpus: int) -> float:
        """Bytes per GPU to train a model, of which each GPU holds a share.

        Args:
            size: the model.
            tokens: tokens of a forward pass on one GPU, padding included.
            settings: precision, and whether activations are computed again.
            gpus: GPUs that share it.
        """
        layer = size.hidden_size * ACTIVATION_BYTES * (2.0 if settings.precision == "float32" else 1.0)
        if settings.gradient_checkpointing:
            kept = size.layers * size.hidden_size * CHECKPOINT_BYTES + layer
        else:
            kept = size.layers * layer
        states = size.parameters * TRAINED_BYTES / gpus
        return states + tokens * (kept + size.vocabulary * LOGIT_BYTES) + self.overhead

    def engine_bytes(self, size: Shape, length: float, *, float32: bool, gpus: int) -> float:
        """Least bytes per GPU with which vLLM serves sequences of this length."""
        width = FLOAT32 if float32 else BFLOAT16
        return (size.parameters * width + LEAST_RUNNING * length * cache_bytes(size)) / gpus + self.overhead


# one core of the nano study's measured run, two jobs side by side; see docs/cost.md
CPU = Processor(
    gpu=False,
    training=45e9,
    forward=60e9,
    bandwidth=float("inf"),
    memory=float("inf"),
    overhead=1.6 * GIB,
    float32_rate=1.0,
    sample=6e-5,
    training_start=6.0,
    engine_start=6.5,
)


def gpu(execution: ExecutionSettings) -> Processor:
    """One GPU as the study describes it, or a CPU core where it describes none."""
    if execution.gpu is None:
        return CPU
    peak, utilisation = execution.gpu.tflops * 1e12, execution.utilisation
    return Processor(
        gpu=True,
        training=peak * utilisation.training,
        forward=peak * utilisation.forward,
        bandwidth=execution.gpu.bandwidth * 1e9 * utilisation.bandwidth,
        memory=execution.gpu.memory_gib * GIB * USABLE,
        overhead=4.0 * GIB,
        float32_rate=FLOAT32_RATE,
        sample=1.5e-5,
        training_start=60.0,
        engine_start=120.0,
    )


def moved_seconds(stored: float) -> float:
    """Seconds to read or write bytes."""
    return stored / STORAGE_BYTES_PER_SECOND


def loaded_bytes(model: Model) -> float:
    """Bytes of host memory while a model is loaded or saved in float32."""
    return model.shape.parameters * FLOAT32
