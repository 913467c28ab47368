rule samples:
    input:
        rollouts=plan.generation.rollout_files(),
    output:
        table="<results>/samples.parquet",
    log:
        "logs/samples/samples.log",
    cache: "omit-software"
    resources:
        **costs.resources("samples"),
    params:
        code=plan.code("safelrm.generation.samples"),
    shell:
        "python -m safelrm.generation.samples --rollouts {input.rollouts} --output {output.table} > {log} 2>&1"
