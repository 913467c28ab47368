"""What Snakemake is told that each job needs: the estimates, with margins, as resources and threads."""

import itertools
import math
import sys
from collections.abc import Callable

from safelrm.dag.costs.jobs import Estimates, Wildcards
from safelrm.dag.costs.processors import GIB, Job
from safelrm.dag.costs.small import SMALL
from safelrm.dag.entropies import entropy_runs
from safelrm.dag.settings import Study
from safelrm.dag.taught import candidates_of, taught_arms, used_distillations
from safelrm.judging.fields import judge_of

Resource = int | Callable[..., int | str | None]

# asked for beyond the estimate
MEMORY_MARGIN, LEAST_MINUTES = 1.25, 10
# rules whose jobs may span nodes
TRAINING = ("sft", "dpo", "rl")
# rules whose jobs can use several cores of a CPU
SHARED = (*TRAINING, "candidates", "distill", "rollouts", "judge", "judge_probes", "judge_labelled", "judge_distilled")
SHARED += ("trajectory",)


class Costs:
    """What the jobs of a study ask for.

    Raises:
        SafeLRMError: a model does not fit into the GPUs that the study describes.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._cores = 1 if study.execution.gpu else study.execution.cores_per_job
        self._known: dict[tuple[str, ...], Job] = {}
        self._estimates = Estimates(study)
        # a model that fits nowhere is an error before any job runs, as soon as all sizes are known
        for arm in study.arms if self._estimates.are_complete else []:
            of = {"model": arm.model, "recipe": str(arm.recipe), "arm": arm.name}
            for rule in ("rollouts", *([] if arm.method == "base" else [arm.method])):
                self.job(rule, of)
            if name := candidates_of(study, arm):
                self.job("candidates", {"model": arm.model, "candidates": name})
            for judge in study.judges:
                self.job("judge", {"judge": judge, "model": arm.model})
            for analysis in study.analyses:
                self.job("analyse", {"analysis": analysis, "model": arm.model})
        for arm in taught_arms(study)[len(study.arms) :] if self._estimates.are_complete else []:
            self.job(arm.method, {"model": arm.model, "recipe": str(arm.recipe), "arm": arm.name})
        for name in used_distillations(study) if self._estimates.are_complete else []:
            self.job("distill", {"distillation": name})
        for model in study.memorisation.models if study.memorisation and self._estimates.are_complete else []:
            self.job("min_k", {"model": model})
        for model in study.trajectories.models if study.trajectories and self._estimates.are_complete else []:
            self.job("trajectory", {"model": model})
        for model, arm, _ in entropy_runs(study) if self._estimates.are_complete else []:
            self.job("entropy", {"model": model, "arm": arm})
        for entry in study.validation.values() if self._estimates.are_complete else []:
            for judge, labelled in itertools.product(map(judge_of, entry.judges), entry.labelled):
                self.job("judge_labelled", {"judge": judge, "labelled": labelled})

    def job(self, rule: str, wildcards: Wildcards) -> Job:
        """What a job needs."""
        # a training that keeps its adapter needs what it would need without; and all seeds of a job need the same
        rule = rule.removesuffix("_adapter")
        key = (rule, *(value for name, value in wildcards.items() if name != "seed"))
        if key not in self._known:
            self._known[key] = self._estimates.job(rule, wildcards)
        return self._known[key]

    def threads(self, rule: str) -> int:
        """The cores of a rule's jobs. On a GPU Snakemake asks for `cpus_per_gpu` instead."""
        return self._cores if rule in SHARED else 1

    def resources(self, rule: str) -> dict[str, Resource]:
        """The resources of a rule, as Snakemake takes them: of wildcards, and of the attempt where it counts.

        `mpi` lets SLURM spread a job over nodes: without it Snakemake's plugin runs the job in a step of one task. The
        plugin takes `tasks`, one per node, for tasks per GPU unless `tasks_per_gpu` is 0. Snakemake leaves out None.
        """
        execution = self.study.execution
        most_memory = (execution.node_memory_gib or math.inf) * GIB / 1e6

        def asked(value: Callable[[Job], int | str | None]) -> Resource:
            def of(wildcards: Wildcards) -> int | str | None:
                return value(self.job(rule, wildcards))

            return of

        def memory(wildcards: Wildcards, attempt: int) -> int:
            needed = math.ceil(self.job(rule, wildcards).host * MEMORY_MARGIN / 1e6) * attempt
            return int(min(needed, most_memory))

        def minutes(wildcards: Wildcards, attempt: int) -> int:
            estimated = math.ceil(self.job(rule, wildcards).seconds * execution.runtime_margin / 60)
            return min(max(LEAST_MINUTES, estimated) * attempt, execution.longest_runtime or sys.maxsize)

        disk = asked(lambda job: math.ceil((job.disk + job.scratch) / 1e6))
        found: dict[str, Resource] = {"gpu": 0, "nodes": 1, "mem_mb": memory, "runtime": minutes, "disk_mb": disk}
        if rule in SMALL or execution.gpu is None:
            # numbers, since Snakemake takes a while to call a function
            return found
        found["gpu"], found["nodes"] = asked(lambda job: job.gpus), asked(lambda job: job.nodes)
        found["cpus_per_gpu"] = asked(lambda job: execution.cpus_per_gpu if job.gpus else 0)
        if rule in TRAINING and execution.nodes > 1:
            found["mpi"] = asked(lambda job: "srun" if job.nodes > 1 else None)
            found["tasks"] = asked(lambda job: job.nodes if job.nodes > 1 else None)
            found["tasks_per_gpu"] = asked(lambda job: 0 if job.nodes > 1 else None)
        return found
