rule refine:
    input:
        dataset=plan.curation.refined_dataset,
        overlap=plan.curation.refined_overlap,
    output:
        table="data/{dataset}.parquet",
        dropped="data/dropped/{dataset}.csv",
    log:
        "logs/refine/{dataset}.log",
    wildcard_constraints:
        dataset=plan.curation.refined(),
    priority: 110
    resources:
        **costs.resources("refine"),
    params:
        settings=plan.curation.refined_settings,
        overlap=plan.curation.refined_named_overlap,
        code=plan.code("safelrm.data.refine"),
    shell:
        "python -m safelrm.data.refine --settings {params.settings:q} --dataset {input.dataset}"
        " --overlap {params.overlap} --output-table {output.table} --output-dropped {output.dropped} > {log} 2>&1"
