"""The study, the plan of its jobs, and the environment that every job runs in."""

import os
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

# jobs import the package of this checkout, with the Python that runs Snakemake
PACKAGE_ROOT = str(Path(workflow.basedir) / "workflow")
sys.path.insert(0, PACKAGE_ROOT)

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CACHE, RUNNER, TIMINGS
from safelrm.core.saving import SAVE_MINUTES
from safelrm.core.work import forget_ended
from safelrm.dag.command import given_config, typed
from safelrm.dag.costs.resources import Costs
from safelrm.dag.environment import image, job_environment, output_cache, require_image
from safelrm.dag.locks import require_installed
from safelrm.dag.paths import adapter, checkpoint, classifier
from safelrm.dag.plan import Plan
from safelrm.dag.roots import plugin_folders
from safelrm.dag.progress import say_what_is_replaced, show_progress, time_table
from safelrm.dag.study import load_study
from safelrm.models.online import CONFIGFILES
from safelrm.operations.cached import mend_links
from safelrm.operations.owner import claim, end_orphans, name_of_jobs
from safelrm.operations.patches import keep_asking, look_seldom, serve_undamaged, stop_in_a_thread

started = time.time()
TIMINGS_FILE = "logs/timings.jsonl"
os.environ.update({RUNNER: str(os.getpid()), TIMINGS: TIMINGS_FILE})

update_config(config, typed(workflow.config_settings.config))
try:
    os.environ[CACHE] = output_cache(Path(workflow.basedir))
    study = load_study(config, ", ".join(map(str, workflow.configfiles)))
    plan = Plan(study)
    costs = Costs(study)
except SafeLRMError as error:
    raise WorkflowError(str(error)) from None
os.environ.update(job_environment(PACKAGE_ROOT, plugin_folders(), study.instruction_set))
# the templates of the report look them up
config["captions"] = plan.captions()
os.environ[CONFIGFILES] = " ".join(map(str, workflow.configfiles))
os.environ[SAVE_MINUTES] = str(study.execution.save_minutes)


def prepare() -> None:
    """Stop before the first job unless the environment is the lock's. End jobs that a killed run has left behind."""
    methods = {method.name for method in workflow.deployment_settings.deployment_method}
    try:
        if "APPTAINER" in methods:
            require_image(image(study), plan.lock)
        else:
            require_installed(plan.lock)
        # the name must be known before the first job is submitted
        claim(name_of_jobs(workflow.local_exec, workflow.scheduler))
        end_orphans(Path.cwd())
        keep_asking()
    except SafeLRMError as error:
        raise WorkflowError(str(error)) from None


serve_undamaged()
stop_in_a_thread()
look_seldom()
if workflow.is_main_process:
    mend_links(Path.cwd(), Path(os.environ[CACHE]))
    say_what_is_replaced(TIMINGS_FILE)
    if not workflow.output_settings.dryrun:
        show_progress()
        claim()
