"""How jobs run: never what they compute, so no part of it is a parameter of a rule."""

from typing import Annotated

from pydantic import Field

from safelrm.core.preemption import DEFAULT_STEPS
from safelrm.settings.common import Count, Positive, Share, Strict

GpuName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")]
Utilised = Annotated[Share, Field(gt=0.0)]


class Gpu(Strict):
    """One kind of GPU, as its data sheet says."""

    name: GpuName = Field(description="its name, such as h100; estimates and messages name it")
    memory_gib: Positive = Field(description="memory, in GiB")
    tflops: Positive = Field(description="dense bfloat16 matrix products, in TFLOP/s")
    bandwidth: Positive = Field(description="memory bandwidth, in GB/s")


class Utilisation(Strict):
    """Shares of what the data sheet says that jobs are taken to reach."""

    training: Utilised = Field(0.35, description="of the TFLOP/s, in training")
    forward: Utilised = Field(0.4, description="of the TFLOP/s, in reading prompts and texts")
    bandwidth: Utilised = Field(0.6, description="of the bandwidth, in generating tokens")


# a file, not an address: what an address names may change, and Snakemake takes no blanks
ImagePath = Annotated[str, Field(pattern=r"^[^\s:]+$")]


class ExecutionSettings(Strict):
    """How jobs run. A change re-runs nothing."""

    checkpoint_every: Count = Field(
        DEFAULT_STEPS,
        description="optimiser steps between two saves of a training's whole state (weights, optimiser, random"
        " numbers), from which a killed run goes on; the result does not depend on it",
    )
    gpu: Gpu | None = Field(None, description="the GPUs that jobs run on; none: all jobs run on CPUs")
    gpus_per_node: Count = Field(8, description="GPUs of one node")
    nodes: Count = Field(1, description="nodes that one job may span")
    cpus_per_gpu: Count = Field(4, description="cores that a SLURM job asks for with each GPU")
    utilisation: Utilisation = Field(
        default_factory=Utilisation, description="how well GPUs are used; only estimates depend on it"
    )
    runtime_margin: Positive = Field(
        3.0, description="time limit of a job's first attempt, as a multiple of its estimated time"
    )
    longest_runtime: Count | None = Field(
        None, description="most minutes that a job asks for, however often it was tried: the limit of the partition"
    )
    node_memory_gib: Positive | None = Field(
        None, description="most memory that a job asks for on a node, however often it was tried: what the nodes have"
    )
    container: ImagePath | None = Field(
        None,
        description="Apptainer image file that jobs run in with `--sdm apptainer`; none: the one in"
        " `envs/containers/` that is named as the lock",
    )
