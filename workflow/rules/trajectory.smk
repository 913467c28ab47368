rule trajectory:
    input:
        rollouts=plan.trajectories.rollouts,
        guard=plan.trajectories.guard(),
    output:
        table="<results>/trajectory/{model}.parquet",
    log:
        "logs/trajectory/{model}.log",
    cache: "omit-software"
    threads: costs.threads("trajectory")
    resources:
        **costs.resources("trajectory"),
    params:
        model="{model}",
        settings=plan.trajectories.settings,
        code=plan.code("safelrm.analysis.trajectory"),
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.analysis.trajectory --settings {params.settings:q} --rollouts {input.rollouts} --guard {input.guard}"
        " --output {output.table} > {log} 2>&1"
