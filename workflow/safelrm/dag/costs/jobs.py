"""What a job needs, and on how many GPUs it fits."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from safelrm.core.errors import SafeLRMError
from safelrm.dag.costs import sizes
from safelrm.dag.costs.hardware import GIB, gpu
from safelrm.dag.costs.sizes import Model
from safelrm.dag.settings import ExecutionSettings, Study
from safelrm.models.settings import HubModel

# host memory of a process on a GPU, without its model
HOST_BYTES = 6.0 * GIB
SMALL_DISK = 0.1 * GIB


@dataclass(frozen=True)
class Job:
    """What one job needs.

    Attributes:
        seconds: estimated duration.
        host: bytes of memory of each of its nodes.
        disk: bytes of its outputs.
        scratch: bytes of partial state that it keeps on disk until it ends.
        gpus: GPUs in all.
        nodes: nodes that they are on.
        gpu_bytes: bytes of memory of each GPU.
    """

    seconds: float
    host: float
    disk: float = SMALL_DISK
    gpus: int = 0
    nodes: int = 1
    gpu_bytes: float = 0.0
    scratch: float = 0.0


class StudyCosts:
    """A study, and the processor that its jobs run on."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.on = gpu(study.execution)

    def model(self, wildcards: Mapping[str, str]) -> Model:
        """The base model of a job."""
        return sizes.made_model(wildcards["model"], self.study.models[wildcards["model"]])

    def guard(self, name: str) -> Model:
        """A guard."""
        return sizes.made_model(name, self.study.guards[name])

    def from_hub(self) -> Iterator[tuple[Model, HubModel]]:
        """Every model and guard that is taken from a hub."""
        for name, entry in self.study.models.items():
            if entry.hub is not None:
                yield sizes.made_model(name, entry), entry.hub
        for name, entry in self.study.guards.items():
            if entry.hub is not None:
                yield sizes.made_model(name, entry), entry.hub

    def fit(self, need: Callable[[int], float], of: Model, key: str, most: int | None = None) -> tuple[int, float]:
        """The fewest GPUs, a power of two, that a job fits on, and its bytes on each; of a CPU one, and its bytes.

        Numbers that cannot be spread evenly over nodes are passed over.

        Args:
            need: bytes per GPU, by the number of GPUs; infinite where the job cannot use that many.
            of: the model, for the message.
            key: what asks for it, likewise.
            most: GPUs that it can use at most; none: all that the study describes.

        Raises:
            SafeLRMError: it fits on no such number of GPUs.
        """
        execution = self.study.execution
        if execution.gpu is None:
            return 1, need(1)
        most = min(execution.gpus_per_node * execution.nodes, most or math.inf)
        counts = (2**power for power in range(int(most).bit_length()))
        tried = {count: need(count) for count in counts if nodes_for(count, execution) is not None}
        for count, used in tried.items():
            if used <= self.on.memory:
                return count, used
        count = min(tried, key=tried.__getitem__)
        raise SafeLRMError(
            f"model `{of.name}` ({of.shape.parameters / 1e9:.3g} billion parameters) does not fit: it needs"
            f" {tried[count] / GIB:.0f} GiB on each of {count} {execution.gpu.name} GPUs, of which"
            f" {self.on.memory / GIB:.0f} GiB of {execution.gpu.memory_gib:g} can be planned with",
            key=key,
            fix="shorten its sequences, set `gradient_checkpointing: true`, put fewer into a pass (smaller `batch_size`"
            " with `gradient_accumulation`, more `micro_batches`), in RL generate with `vllm` (without it one GPU must"
            " do), with a smaller share of the memory or a smaller guard, describe more or larger GPUs in `execution`,"
            " or leave the model out",
        )

    def placed(self, seconds: float, gpus: int, used: float, *, host: float, disk: float, scratch: float = 0.0) -> Job:
        """A job that takes `used` bytes of each GPU, and `host` bytes of the host's memory beside that of processes."""
        if not self.on.gpu:
            return Job(seconds, used + host, disk, scratch=scratch)
        nodes = nodes_for(gpus, self.study.execution) or 1
        host += gpus // nodes * HOST_BYTES
        return Job(seconds, host, disk, gpus, nodes, used, scratch)


def nodes_for(gpus: int, execution: ExecutionSettings) -> int | None:
    """The fewest nodes that so many GPUs can be spread over evenly; None if a job may not have them so."""
    return next(
        (
            nodes
            for nodes in range(1, execution.nodes + 1)
            if gpus % nodes == 0 and gpus // nodes <= execution.gpus_per_node
        ),
        None,
    )
