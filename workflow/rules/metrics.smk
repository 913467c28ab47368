rule metrics:
    input:
        rollouts=plan.rollout_files(),
        verdicts=plan.verdict_files(),
    output:
        table="<results>/metrics.parquet",
    log:
        "logs/metrics/metrics.log",
    params:
        settings=plan.metrics_settings(),
        code=plan.code("safelrm.metrics"),
    shell:
        "python -m safelrm.metrics --settings {params.settings:q} --rollouts {input.rollouts}"
        " --verdicts {input.verdicts} --output {output.table} > {log} 2>&1"
