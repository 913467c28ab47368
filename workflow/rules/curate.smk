rule curate:
    input:
        file=plan.data.source_file,
        manifest=plan.data.source_manifest,
    output:
        table="data/{dataset}.parquet",
    log:
        "logs/curate/{dataset}.log",
    wildcard_constraints:
        dataset=plan.curation.loaded(),
    # above all others, so that no guard waits for its data behind jobs that are ready to run
    priority: 110
    resources:
        **costs.resources("curate"),
    params:
        source=plan.data.source,
        settings=plan.data.source_settings,
        code=plan.data.curate_code,
    shell:
        "python -m safelrm.data.curate --source {params.source} --settings {params.settings:q}"
        " --file {input.file:q} --manifest {input.manifest} --output {output.table} > {log} 2>&1"
