rule curate:
    input:
        file=plan.dataset_file,
    output:
        table="data/{dataset}.parquet",
    log:
        "logs/curate/{dataset}.log",
    params:
        source=plan.dataset_source,
        settings=plan.dataset_settings,
        code=plan.dataset_code,
    shell:
        "python -m safelrm.curate --source {params.source} --settings {params.settings:q}"
        " --file {input.file:q} --output {output.table} > {log} 2>&1"
