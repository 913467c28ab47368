rule memorisation:
    input:
        min_k=plan.memorisation.tables(),
    output:
        table="<results>/memorisation.parquet",
    log:
        "logs/memorisation/memorisation.log",
    cache: "omit-software"
    resources:
        **costs.resources("memorisation"),
    params:
        settings=plan.memorisation.settings(),
        code=plan.code("safelrm.analysis.memorisation"),
    shell:
        "python -m safelrm.analysis.memorisation --settings {params.settings:q} --min-k {input.min_k}"
        " --output {output.table} > {log} 2>&1"
