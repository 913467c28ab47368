from snakemake.utils import min_version

min_version("9.27")


if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


include: "workflow/rules/common.smk"


report: "workflow/report/workflow.rst"


# only with --sdm apptainer; docs/storage.md
container: image(study)


pathvars:
    results=f"results/{study.name}",


wildcard_constraints:
    dataset="[a-z0-9_]+",
    repo=r"[\w.-]+",
    model="[a-z0-9_]+",
    guard="[a-z0-9_]+",
    classifier="[a-z0-9_]+",
    candidates="[a-z0-9_]+",
    distillation="[a-z0-9_]+",
    selection="[a-z0-9_]+",
    recipe="[a-z0-9_]+",
    judge="[a-z0-9_]+",
    analysis="[a-z0-9_]+",
    validation="[a-z0-9_]+",
    labelled="[a-z0-9_]+",
    arm=r"(base|(sft|dpo|rl)-[a-z0-9_]+)(-from-[a-z0-9_-]+)?(\+[a-z0-9_]+)?",
    start="(-from-[a-z0-9_-]+)?",
    seed="[0-9]+",


rule all:
    default_target: True
    input:
        plan.targets(),


include: "workflow/rules/fetch.smk"
include: "workflow/rules/curate.smk"
include: "workflow/rules/refine.smk"
include: "workflow/rules/base.smk"
include: "workflow/rules/guard.smk"
include: "workflow/rules/classifier.smk"
include: "workflow/rules/candidates.smk"
include: "workflow/rules/distill.smk"
include: "workflow/rules/judge_distilled.smk"
include: "workflow/rules/select.smk"
include: "workflow/rules/sft.smk"
include: "workflow/rules/dpo.smk"
include: "workflow/rules/rl.smk"
include: "workflow/rules/rollouts.smk"
include: "workflow/rules/judge.smk"
include: "workflow/rules/judge_probes.smk"
include: "workflow/rules/samples.smk"
include: "workflow/rules/metrics.smk"
include: "workflow/rules/calibrate.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/measures.smk"
include: "workflow/rules/min_k.smk"
include: "workflow/rules/memorisation.smk"
include: "workflow/rules/trajectory.smk"
include: "workflow/rules/entropy.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/latex.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/rows.smk"
include: "workflow/rules/contamination.smk"
include: "workflow/rules/data_cards.smk"
include: "workflow/rules/judge_labelled.smk"
include: "workflow/rules/validate.smk"
include: "workflow/rules/pin.smk"
include: "workflow/rules/verify.smk"


onstart:
    prepare()


onsuccess:
    if workflow.is_main_process:
        forget_ended()
    print(time_table(TIMINGS_FILE, since=started), file=sys.stderr)
