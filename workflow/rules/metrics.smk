rule metrics:
    input:
        samples="<results>/samples.parquet",
        verdicts=plan.results.metrics_verdicts(),
    output:
        table="<results>/metrics.parquet",
        seeds="<results>/seeds.parquet",
    log:
        "logs/metrics/metrics.log",
    cache: "omit-software"
    resources:
        **costs.resources("metrics"),
    params:
        settings=plan.results.metrics_settings(),
        code=plan.code("safelrm.analysis.metrics"),
    shell:
        "python -m safelrm.analysis.metrics --settings {params.settings:q} --samples {input.samples}"
        " --verdicts {input.verdicts} --output {output.table} --seeds {output.seeds} > {log} 2>&1"
