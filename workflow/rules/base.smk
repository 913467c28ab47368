rule base:
    input:
        origin=plan.bases.inputs,
    output:
        **checkpoint("checkpoints/{model}/base/seed0"),
        curve="results/training/{model}/base/seed0.parquet",
    log:
        "logs/base/{model}.log",
    cache: "omit-software"
    priority: 100
    resources:
        **costs.resources("base"),
    params:
        model="{model}",
        factory=plan.bases.factory,
        inputs=plan.bases.named_inputs,
        settings=plan.bases.settings,
        seed=plan.bases.seed,
        code=plan.bases.factory_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.models.base --factory {params.factory} --settings {params.settings:q}"
        " --inputs {params.inputs:q} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"
