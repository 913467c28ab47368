rule validate:
    input:
        labelled=plan.validation_files,
    output:
        table="<results>/validation/{validation}.csv",
    log:
        "logs/validate/{validation}.log",
    resources:
        **costs.resources("validate"),
    params:
        judge=plan.validation_judge,
        settings=plan.validation_settings,
        labelled=plan.validation_labelled,
        code=plan.validation_code,
    shell:
        "python -m safelrm.judging.validate --judge-module {params.judge} --settings {params.settings:q}"
        " --labelled {params.labelled} --output {output.table} > {log} 2>&1"
