rule rows:
    input:
        files=plan.data.accounted_files(),
        tables=plan.data.accounted_tables(),
    output:
        table="<results>/audit/rows.csv",
    log:
        "logs/audit/rows.log",
    resources:
        **costs.resources("rows"),
    params:
        settings=plan.data.accounted_settings(),
        files=plan.data.accounted_named_files(),
        tables=plan.data.accounted_named_tables(),
        code=plan.data.accounted_code(),
    shell:
        "python -m safelrm.data.rows --settings {params.settings:q} --files {params.files}"
        " --tables {params.tables} --output {output.table} > {log} 2>&1"
