rule guard:
    input:
        origin=plan.guard_inputs,
    output:
        **checkpoint("checkpoints/guards/{guard}"),
        curve="results/training/guards/{guard}.parquet",
    log:
        "logs/guard/{guard}.log",
    cache: "omit-software"
    priority: 90
    resources:
        **costs.resources("guard"),
    params:
        guard="{guard}",
        factory=plan.guard_factory,
        inputs=plan.guard_named_inputs,
        settings=plan.guard_settings,
        seed=plan.guard_seed,
        code=plan.guard_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.models.guard --factory {params.factory} --settings {params.settings:q}"
        " --inputs {params.inputs} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"
