rule base:
    input:
        origin=plan.base_inputs,
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
        factory=plan.base_factory,
        inputs=plan.base_named_inputs,
        settings=plan.base_settings,
        seed=plan.base_seed,
        code=plan.base_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.models.base --factory {params.factory} --settings {params.settings:q}"
        " --inputs {params.inputs} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"
