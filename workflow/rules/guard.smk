rule guard:
    input:
        corpus=plan.guard_corpus,
        labels=plan.guard_labels,
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
        settings=plan.guard_settings,
        seed=plan.guard_seed,
        code=plan.code("safelrm.guard"),
    shell:
        "exec python -m safelrm.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.guard --settings {params.settings:q} --corpus {input.corpus}"
        " --labels {input.labels} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"
