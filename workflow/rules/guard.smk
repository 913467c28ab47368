rule guard:
    input:
        origin=plan.guards.inputs,
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
        factory=plan.guards.factory,
        inputs=plan.guards.named_inputs,
        settings=plan.guards.settings,
        seed=plan.guards.seed,
        code=plan.guards.factory_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.models.guard --factory {params.factory} --settings {params.settings:q}"
        " --inputs {params.inputs:q} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"
