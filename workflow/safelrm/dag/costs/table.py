"""What each job of a study needs, estimated before it runs: time, GPUs, memory and disk.

One table for all rules: `Costs.job` says what a job (rule and wildcards) needs, `Costs.resources` says it to
Snakemake. The model behind it is in the other modules of this package, and explained in docs/cost.md.
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

from safelrm.dag.costs.engines import ROW_BYTES, TEXT_BYTES, EngineCosts
from safelrm.dag.costs.hardware import GIB
from safelrm.dag.costs.jobs import Job
from safelrm.dag.costs.training import TrainingCosts
from safelrm.dag.settings import Study

# asked for beyond the estimate
MEMORY_MARGIN = 1.25
LEAST_MINUTES = 10

# jobs without a model: seconds of the nano study's, and memory, to which that for the rows of all rollouts is added
SMALL: Mapping[str, Job] = {
    "curate": Job(1.0, 1.0 * GIB),
    "samples": Job(0.8, 1.0 * GIB),
    "metrics": Job(5.0, 1.0 * GIB),
    "compare": Job(4.0, 1.0 * GIB),
    "calibrate": Job(2.5, 1.0 * GIB),
    "table": Job(0.7, 1.0 * GIB),
    "figure": Job(1.6, 1.0 * GIB),
    "audit": Job(1.1, 2.0 * GIB),
    "validate": Job(1.0, 1.0 * GIB),
    "pin": Job(5.0, 1.0 * GIB),
    "verify": Job(30.0, 1.0 * GIB),
    "fetch_dataset": Job(5.0, 1.0 * GIB),
    "fetch_all": Job(0.0, 0.0, 0.0),
    "all": Job(0.0, 0.0, 0.0),
}

# bytes that these hold in memory per rollout of the study, and per token of its largest run
ALL_ROLLOUTS: Mapping[str, tuple[float, float]] = {
    "samples": (ROW_BYTES / 3, TEXT_BYTES),
    "metrics": (ROW_BYTES / 3, 0.0),
    "compare": (ROW_BYTES / 3, 0.0),
    "calibrate": (ROW_BYTES / 3, 0.0),
}


# rules whose jobs may span nodes
TRAINING = ("sft", "rl")


class Costs:
    """What the jobs of a study need.

    Raises:
        SafeLRMError: a model does not fit into the GPUs that the study describes.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        training, engines = TrainingCosts(study), EngineCosts(study)
        self._known: dict[tuple[str, ...], Job] = {}
        self._estimates: Mapping[str, Callable[[Mapping[str, str]], Job]] = {
            "fetch_model": training.fetch_model,
            "base": training.base,
            "guard": training.guard_training,
            "sft": training.sft,
            "rl": training.rl,
            "rollouts": engines.rollouts,
            "judge": engines.judge,
        }
        rows, tokens = engines.all_rollouts()
        self._of_all_rollouts = {
            rule: rows * per_row + tokens * per_token for rule, (per_row, per_token) in ALL_ROLLOUTS.items()
        }
        self._check()

    def job(self, rule: str, wildcards: Mapping[str, str]) -> Job:
        """What a job needs."""
        if rule in SMALL:
            return replace(SMALL[rule], host=SMALL[rule].host + self._of_all_rollouts.get(rule, 0.0))
        # all seeds of a job need the same
        key = (rule, *(value for name, value in wildcards.items() if name != "seed"))
        if key not in self._known:
            self._known[key] = self._estimates[rule](wildcards)
        return self._known[key]

    def resources(self, rule: str) -> dict[str, int | Callable[..., int | str | None]]:
        """The resources of a rule, as Snakemake takes them: of wildcards, and of the attempt where it counts.

        `gpu` GPUs in all, `cpus_per_gpu`, `nodes`, `mem_mb` of each node, `runtime` in minutes, `disk_mb` with partial
        state. Training that may span nodes has more (`_over_nodes`).
        """
        execution = self.study.execution
        most_memory = (execution.node_memory_gib or math.inf) * GIB / 1e6

        def gpus(wildcards: Mapping[str, str]) -> int:
            return self.job(rule, wildcards).gpus

        def cpus_per_gpu(wildcards: Mapping[str, str]) -> int:
            return execution.cpus_per_gpu if self.job(rule, wildcards).gpus else 0

        def nodes(wildcards: Mapping[str, str]) -> int:
            return self.job(rule, wildcards).nodes

        def memory(wildcards: Mapping[str, str], attempt: int) -> int:
            needed = math.ceil(self.job(rule, wildcards).host * MEMORY_MARGIN / 1e6) * attempt
            return int(min(needed, most_memory))

        def minutes(wildcards: Mapping[str, str], attempt: int) -> int:
            estimated = math.ceil(self.job(rule, wildcards).seconds * execution.runtime_margin / 60)
            return min(max(LEAST_MINUTES, estimated) * attempt, execution.longest_runtime or sys.maxsize)

        def disk(wildcards: Mapping[str, str]) -> int:
            needed = self.job(rule, wildcards)
            return math.ceil((needed.disk + needed.scratch) / 1e6)

        asked = {"gpu": gpus, "nodes": nodes, "mem_mb": memory, "runtime": minutes, "disk_mb": disk}
        if rule in TRAINING and self.study.execution.nodes > 1:
            asked |= _over_nodes(nodes)
        # Snakemake takes a while to call a function, and there may be many jobs
        on_cpu = rule in SMALL or execution.gpu is None
        return asked | ({"gpu": 0, "nodes": 1} if on_cpu else {"cpus_per_gpu": cpus_per_gpu})

    def _check(self) -> None:
        """Look at every job that needs a model, so that one that fits nowhere is an error before any job runs."""
        for arm in self.study.arms:
            wildcards = {"model": arm.model, "recipe": str(arm.recipe), "arm": arm.name, "seed": str(arm.seeds[0])}
            for rule in ("rollouts", *([] if arm.method == "base" else [arm.method])):
                self._estimates[rule](wildcards)
            for judge in self.study.judges:
                self._estimates["judge"]({"judge": judge, "model": arm.model})


def _over_nodes(nodes: Callable[[Mapping[str, str]], int]) -> dict[str, Callable[..., int | str | None]]:
    """Resources that let a job on several nodes start below Snakemake's SLURM plugin; a job on one node has none.

    Without `mpi` the plugin would run the whole job in a step of its own with one task, which SLURM refuses to spread
    over nodes, and from which no other node can be reached. `mpi` needs `tasks`, one per node, which the plugin would
    take for tasks per GPU as well if `tasks_per_gpu` did not say 0.
    """

    def mpi(wildcards: Mapping[str, str]) -> str | None:
        return "srun" if nodes(wildcards) > 1 else None

    def tasks(wildcards: Mapping[str, str]) -> int | None:
        count = nodes(wildcards)
        return count if count > 1 else None

    def tasks_per_gpu(wildcards: Mapping[str, str]) -> int | None:
        return 0 if nodes(wildcards) > 1 else None

    # Snakemake leaves out a resource that is None
    return {"mpi": mpi, "tasks": tasks, "tasks_per_gpu": tasks_per_gpu}
