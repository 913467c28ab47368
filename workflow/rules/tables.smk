rule table:
    input:
        files=plan.tables.files,
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
    wildcard_constraints:
        table=plan.tables.pattern,
    cache: "omit-software"
    resources:
        **costs.resources("table"),
    params:
        table="{table}",
        module=plan.tables.module,
        module_settings=plan.tables.module_settings,
        settings=plan.tables.settings(),
        inputs=plan.tables.inputs,
        code=plan.tables.code_of,
    shell:
        "python -m safelrm.reporting.tables --module {params.module} --module-settings {params.module_settings:q}"
        " --settings {params.settings:q} --inputs {params.inputs} --files {input.files}"
        " --csv {output.csv} --markdown {output.markdown} > {log} 2>&1"
