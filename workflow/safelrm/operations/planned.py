"""All jobs of a study and what each waits for, as Snakemake plans them when nothing has been made."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.exceptions import WorkflowError
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings

from safelrm.core.errors import SafeLRMError
from safelrm.dag.codehash import ROOT
from safelrm.dag.costs.jobs import Job
from safelrm.dag.study import read_config

_STAGE = re.compile(r"\bsafelrm\.(?!launch\b)(\w+)")


@dataclass(frozen=True)
class PlannedJob:
    """A job of the study's DAG.

    Attributes:
        rule: its rule.
        stage: the module that it runs, without the package; empty for a rule that runs none.
        name: its rule and wildcards.
        cost: what it needs.
        needs: ids of the jobs that it waits for.
    """

    rule: str
    stage: str
    name: str
    cost: Job
    needs: frozenset[int]


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
            dag = workflow._workflow.dag
            costs = workflow._workflow.globals["costs"]
            ids = {job: number for number, job in enumerate(dag.jobs)}
            return {
                ids[job]: PlannedJob(
                    rule=job.rule.name,
                    stage=_stage(job.rule.shellcmd),
                    name=" ".join([job.rule.name, "/".join(job.wildcards_dict.values())]).strip(),
                    cost=costs.job(job.rule.name, job.wildcards_dict),
                    needs=frozenset(ids[needed] for needed in dag.dependencies[job]),
                )
                for job in ids
            }
    except WorkflowError as error:
        raise SafeLRMError(str(error).strip()) from None


def _stage(command: str | None) -> str:
    found = _STAGE.search(command or "")
    return found[1] if found else ""


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what the Snakefile puts into the environment for its jobs."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
