rule metrics:
    input:
        samples="<results>/samples.parquet",
        verdicts=plan.metrics_verdicts(),
    output:
        table="<results>/metrics.parquet",
    log:
        "logs/metrics/metrics.log",
    resources:
        **costs.resources("metrics"),
    params:
        settings=plan.metrics_settings(),
        code=plan.code("safelrm.analysis.metrics"),
    shell:
        "python -m safelrm.analysis.metrics --settings {params.settings:q} --samples {input.samples}"
        " --verdicts {input.verdicts} --output {output.table} > {log} 2>&1"
