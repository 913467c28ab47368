"""Say what a study will cost, before a job is run: jobs, hours, GPUs, memory, disk, and how long it takes.

    python -m safelrm plan --configfiles experiments/one_gpu.yaml --config execution.gpus_per_node=4

Jobs are those of the whole study, whatever has been made already. Estimates are those that rules ask for resources by
(docs/cost.md): good to a factor of two on the nano study, untested on GPUs.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.dag.command import configuration
from safelrm.dag.costs.hardware import GIB
from safelrm.dag.progress import read_times
from safelrm.operations.planned import PlannedJob, planned_jobs
from safelrm.operations.schedule import Task, critical_path, wall_seconds

UNITS = (1, 2, 4, 8, 16, 32)


def by_rule(jobs: Iterable[PlannedJob]) -> pd.DataFrame:
    """One row per rule, the longest first: what its jobs need in all, or the greediest of them."""
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
    summed = dict.fromkeys(("jobs", "hours", "GPU hours", "disk GiB"), "sum")
    table = pd.DataFrame(rows)
    most = {name: "max" for name in table.columns if name not in summed and name != "rule"}
    whole = table.drop(columns="rule").agg(summed | most)
    table = table.groupby("rule").agg(summed | most).sort_values("hours", ascending=False)
    table.loc["all"] = whole
    return table[[name for name in rows[0] if name != "rule"]]


def report(jobs: Mapping[int, PlannedJob]) -> str:
    """What a study costs, as text."""
    tasks = {name: Task(job.cost.seconds, _units(job, jobs), job.needs) for name, job in jobs.items()}
    unit, most = "GPU" if _on_gpus(jobs) else "core", max(task.units for task in tasks.values())
    path = [jobs[name] for name in critical_path(tasks) if jobs[name].stage]
    table = by_rule(jobs.values())
    parts = [
        _shown(table),
        f"one after another: {_duration(table.loc['all', 'hours'] * 3600)}",
        f"critical path: {_duration(sum(job.cost.seconds for job in path))}",
        *(f"  {_duration(job.cost.seconds):>10}  {job.name}" for job in path),
        *(
            f"wall time with {units} {unit}s: {_duration(wall_seconds(tasks, units))}"
            for units in UNITS
            if units >= most
        ),
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


def _on_gpus(jobs: Mapping[int, PlannedJob]) -> bool:
    return any(job.cost.gpus for job in jobs.values())


def _units(job: PlannedJob, jobs: Mapping[int, PlannedJob]) -> int:
    """What a job holds of that which limits a study: its GPUs, or one core where there are no GPUs."""
    if not job.stage:
        return 0
    return job.cost.gpus if _on_gpus(jobs) else 1


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _shown(table: pd.DataFrame) -> str:
    shown = table.copy()
    shown["longest"] = [_duration(seconds) for seconds in table["longest"]]
    for name in ("jobs", "GPUs", "nodes"):
        shown[name] = table[name].astype(int)
    for name in ("hours", "GPU hours", "GiB per GPU", "host GiB", "disk GiB", "scratch GiB"):
        shown[name] = [f"{value:,.2f}" if value < 10 else f"{value:,.0f}" for value in table[name]]
    return shown.rename_axis(None).to_string()


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
