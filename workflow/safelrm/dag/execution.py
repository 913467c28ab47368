"""Settings of how jobs run: the section `execution`."""

from typing import Annotated

from pydantic import Field

from safelrm.core.saving import DEFAULT_MINUTES
from safelrm.core.settings import Count, NonNegative, Positive, Share, Strict

GpuName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")]
Utilised = Annotated[Share, Field(gt=0.0)]


class Gpu(Strict):
    """One kind of GPU, as its data sheet says."""

    name: GpuName = Field(description="its name, such as h100; estimates and messages name it")
    memory_gib: Positive = Field(description="memory, in GiB")
    tflops: Positive = Field(description="dense bfloat16 matrix products, in TFLOP/s")
    bandwidth: Positive = Field(description="memory bandwidth, in GB/s")


class Utilisation(Strict):
    """How much of a data sheet's numbers jobs are expected to reach."""

    training: Utilised = Field(0.35, description="share of the TFLOP/s that training reaches")
    forward: Utilised = Field(0.4, description="share of the TFLOP/s that reading prompts and texts reaches")
    bandwidth: Utilised = Field(0.6, description="share of the bandwidth that generating tokens reaches")


# a file, not an address: an address may come to name another image. Snakemake takes no blanks
ImagePath = Annotated[str, Field(pattern=r"^[^\s:]+$")]


class ExecutionSettings(Strict):
    """How jobs run. A change re-runs nothing: no part of this section is a parameter of a rule."""

    save_minutes: NonNegative = Field(
        DEFAULT_MINUTES,
        description="most minutes of work that a killed training loses: its whole state (weights, optimiser, random"
        " numbers) is saved so often, and a killed run continues from there, with the same result; steps that take"
        " longer are saved one by one, as all are with 0",
    )
    gpu: Gpu | None = Field(None, description="the kind of GPU that jobs run on; none: all jobs run on CPUs")
    gpus_per_node: Count = Field(8, description="GPUs of one node")
    nodes: Count = Field(1, description="nodes that one job may span")
    cpus_per_gpu: Count = Field(4, description="cores that a SLURM job asks for with each GPU")
    cores_per_job: Count = Field(
        1,
        description="cores of a job that trains, generates or asks a guard on a CPU: threads in training, one-thread"
        " engines otherwise, each with its own copy of the model",
    )
    utilisation: Utilisation = Field(
        default_factory=Utilisation, description="how well GPUs are used; only estimates depend on it"
    )
    runtime_margin: Positive = Field(
        3.0, description="time limit of a job's first attempt, as a multiple of its estimated time"
    )
    longest_runtime: Count | None = Field(
        None, description="most minutes that any attempt of a job asks for, such as the limit of the partition"
    )
    node_memory_gib: Positive | None = Field(
        None, description="most memory, in GiB, that any attempt of a job asks for on a node, such as what a node has"
    )
    container: ImagePath | None = Field(
        None,
        description="Apptainer image file that jobs run in with `--sdm apptainer`; none: the file in"
        " `envs/containers/` that has the lock's name",
    )
