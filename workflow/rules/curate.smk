rule curate:
    input:
        file=plan.dataset_file,
        manifest=plan.dataset_manifest,
    output:
        table="data/{dataset}.parquet",
    log:
        "logs/curate/{dataset}.log",
    # or guards would wait for their data behind all that is ready to run
    priority: 110
    resources:
        **costs.resources("curate"),
    params:
        source=plan.dataset_source,
        settings=plan.dataset_settings,
        code=plan.dataset_code,
    shell:
        "python -m safelrm.data.curate --source {params.source} --settings {params.settings:q}"
        " --file {input.file:q} --manifest {input.manifest} --output {output.table} > {log} 2>&1"
