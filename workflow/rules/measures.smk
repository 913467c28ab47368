rule measures:
    input:
        analyses=plan.analyses.tables(),
    output:
        table="<results>/measures.parquet",
    log:
        "logs/measures/measures.log",
    cache: "omit-software"
    resources:
        **costs.resources("measures"),
    params:
        settings=plan.analyses.measures_settings(),
        code=plan.code("safelrm.analysis.measures"),
    shell:
        "python -m safelrm.analysis.measures --settings {params.settings:q} --analyses {input.analyses}"
        " --output {output.table} > {log} 2>&1"
