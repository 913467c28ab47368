rule tables:
    input:
        metrics="<results>/metrics.parquet",
    output:
        summary="<results>/tables/summary.csv",
        summary_markdown="<results>/tables/summary.md",
        categories="<results>/tables/safety_by_category.csv",
        categories_markdown="<results>/tables/safety_by_category.md",
    log:
        "logs/tables/tables.log",
    params:
        code=plan.code("safelrm.tables"),
    shell:
        "python -m safelrm.tables --metrics {input.metrics} --summary {output.summary}"
        " --summary-markdown {output.summary_markdown} --categories {output.categories}"
        " --categories-markdown {output.categories_markdown} > {log} 2>&1"
