"""Print what a study will cost before a job runs: jobs, hours, GPUs, memory, disk, time, and what endpoints charge.

    python -m safelrm plan --configfiles experiments/one_gpu.yaml --config execution.gpus_per_node=4

The plan counts all jobs of the study, also those that are done. Rules ask for resources by the same estimates
(docs/cost.md). The estimates are good to a factor of two on the nano study; on GPUs nobody has tried them.
"""

import argparse
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from snakemake.api import SnakemakeApi
from snakemake.exceptions import WorkflowError
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.dag.command import configuration
from safelrm.dag.costs.endpoints import said_of_endpoints
from safelrm.dag.costs.processors import GIB, Job
from safelrm.dag.progress import read_times
from safelrm.dag.roots import ROOT
from safelrm.dag.study import read_config
from safelrm.operations.schedule import Task, critical_path, wall_seconds

UNITS = (1, 2, 4, 8, 16, 32)
SUMMED = ("jobs", "hours", "GPU hours", "disk GiB")
_STAGE = re.compile(r"\bsafelrm\.(?!operations\.launch\b)(?:\w+\.)*(\w+)")


@dataclass(frozen=True)
class PlannedJob:
    """A job of the study's DAG."""

    rule: str
    stage: str  # module that it runs, without its package; empty for a rule that runs none
    name: str  # rule and wildcards
    cost: Job
    needs: frozenset[int]  # jobs that it waits for


def planned_jobs(configfiles: Sequence[Path], config: Mapping[str, object]) -> dict[int, PlannedJob]:
    """Every job of a study by its id, from a dry run of the workflow in the working directory.

    Args:
        configfiles: configuration files, later ones over earlier; none: the workflow's own.
        config: what replaces their values.

    Raises:
        SafeLRMError: the configuration or the workflow is at fault; the message is Snakemake's.
    """
    read_config(configfiles, {})
    output = OutputSettings(dryrun=True, nocolor=True, log_level_override=logging.CRITICAL)
    try:
        with _environment_kept(), SnakemakeApi(output) as api:
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(config=dict(config), configfiles=tuple(configfiles)),
                snakefile=ROOT.parent / "Snakefile",
            )
            workflow.dag(DAGSettings(forceall=True)).execute_workflow(executor="dryrun")
            # the API offers the jobs themselves nowhere else
            dag, costs = workflow._workflow.dag, workflow._workflow.globals["costs"]
            ids = {job: number for number, job in enumerate(dag.jobs)}
            return {
                number: PlannedJob(
                    rule=job.rule.name,
                    stage=found[1] if (found := _STAGE.search(job.rule.shellcmd or "")) else "",
                    name=" ".join([job.rule.name, "/".join(filter(None, job.wildcards_dict.values()))]).strip(),
                    cost=costs.job(job.rule.name, job.wildcards_dict),
                    needs=frozenset(ids[needed] for needed in dag.dependencies[job]),
                )
                for job, number in ids.items()
            }
    except WorkflowError as error:
        raise SafeLRMError(str(error).strip()) from None


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what the Snakefile puts into the environment for its jobs."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def costs_by_rule(jobs: Iterable[PlannedJob]) -> pd.DataFrame:
    """One row per rule, the longest first, and one for all: sums over jobs (`SUMMED`), else the greatest job's."""
    rows = [
        {
            "rule": job.rule,
            "jobs": 1,
            "hours": job.cost.seconds / 3600,
            "longest": job.cost.seconds,
            "GPU hours": job.cost.gpus * job.cost.seconds / 3600,
            "GPUs": job.cost.gpus,
            "nodes": job.cost.nodes,
            "GiB per GPU": job.cost.gpu_bytes / GIB,
            "host GiB": job.cost.host / GIB,
            "disk GiB": job.cost.disk / GIB,
            "scratch GiB": job.cost.scratch / GIB,
        }
        for job in jobs
        if job.stage
    ]
    table = pd.DataFrame(rows).set_index("rule")
    parts = {name: "sum" if name in SUMMED else "max" for name in table}
    by_rule = table.groupby("rule").agg(parts).sort_values("hours", ascending=False)
    by_rule.loc["all"] = table.agg(parts)
    return by_rule


def report(jobs: Mapping[int, PlannedJob]) -> str:
    """What a study costs, as text."""
    on_gpus = any(job.cost.gpus for job in jobs.values())
    tasks = {
        # a rule that runs no stage takes no core
        name: Task(job.cost.seconds, (job.cost.gpus if on_gpus else 1) if job.stage else 0, job.needs)
        for name, job in jobs.items()
    }
    unit, most = "GPU" if on_gpus else "core", max(task.units for task in tasks.values())
    path = [jobs[name] for name in critical_path(tasks) if jobs[name].stage]
    table = costs_by_rule(jobs.values())
    parts = [
        _shown(table),
        f"one after another: {_duration(table.loc['all', 'hours'] * 3600)}",
        f"critical path: {_duration(sum(job.cost.seconds for job in path))}",
        *(f"  {_duration(job.cost.seconds):>10}  {job.name}" for job in path),
        *(f"wall time with {n} {unit}s: {_duration(wall_seconds(tasks, n))}" for n in UNITS if n >= most),
        *said_of_endpoints(job.cost.asks for job in jobs.values()),
    ]
    return "\n".join(parts)


def comparison(jobs: Iterable[PlannedJob], file: Path) -> str:
    """Mean seconds of a job of each stage, predicted and measured, as text.

    Args:
        jobs: the study's jobs.
        file: JSON lines that a run of the same study left (`logs/timings.jsonl`).

    Raises:
        SafeLRMError: the file cannot be read or holds no times of the study's stages.
    """
    fix = "name the logs/timings.jsonl of a run"
    try:
        times = read_times(file, ("seconds",))
    except OSError as error:
        raise SafeLRMError(f"cannot be read ({error})", file=file, fix=fix) from None
    if times.empty:
        raise SafeLRMError("cannot be read (no line of it holds the time of a job)", file=file, fix=fix)
    measured = times.groupby("stage")["seconds"].agg(["size", "mean"])
    rows = pd.DataFrame([{"stage": job.stage, "seconds": job.cost.seconds} for job in jobs if job.stage])
    planned = rows.groupby("stage")["seconds"].agg(["size", "mean"])
    table = planned.merge(measured, on="stage", suffixes=(" planned", " measured"))
    if table.empty:
        raise SafeLRMError("holds no times of this study's stages", file=file, fix="name the file of a run of it")
    table["ratio"] = table["mean planned"] / table["mean measured"]
    table = table.sort_values("mean measured", ascending=False).round(2).rename_axis(None)
    table.columns = ["jobs planned", "s each", "jobs measured", "s each", "predicted / measured"]
    return table.to_string()


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _shown(table: pd.DataFrame) -> str:
    def shown(column: pd.Series) -> list[str]:
        if column.name == "longest":
            return [_duration(seconds) for seconds in column]
        whole = column.name in ("jobs", "GPUs", "nodes")
        return [f"{value:,.2f}" if value < 10 and not whole else f"{value:,.0f}" for value in column]

    return table.apply(shown).rename_axis(None).to_string()


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--configfiles", nargs="+", type=Path, default=[], help="configuration files, later over earlier; config.yaml"
    )
    parser.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="values that replace theirs")
    parser.add_argument(
        "--measured", type=Path, metavar="FILE", help="compare with the logs/timings.jsonl of a finished run"
    )
    return parser


def main(options: Sequence[str] | None = None) -> None:
    """Print the plan."""
    given = arguments().parse_args(options)
    jobs = planned_jobs(given.configfiles, configuration(given.config))
    print(comparison(jobs.values(), given.measured) if given.measured else report(jobs))


if __name__ == "__main__":
    run(main)
