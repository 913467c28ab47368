rule table:
    input:
        metrics="<results>/metrics.parquet",
    output:
        csv=report(
            "<results>/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        markdown="<results>/tables/{table}.md",
    log:
        "logs/tables/{table}.log",
    cache: "omit-software"
    wildcard_constraints:
        table="(summary|safety_by_category|decodings)",
    resources:
        **costs.resources("table"),
    params:
        table="{table}",
        settings=plan.results.table_settings(),
        code=plan.code("safelrm.reporting.tables"),
    shell:
        "python -m safelrm.reporting.tables --table {params.table} --settings {params.settings:q}"
        " --metrics {input.metrics} --csv {output.csv} --markdown {output.markdown} > {log} 2>&1"
