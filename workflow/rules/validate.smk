rule validate:
    input:
        labelled=plan.judging.labelled,
    output:
        table="<results>/validation/{validation}.csv",
    log:
        "logs/validate/{validation}.log",
    resources:
        **costs.resources("validate"),
    params:
        judge=plan.judging.validated_judge,
        field=plan.judging.validated_field,
        settings=plan.judging.validated_settings,
        labelled=plan.judging.named_labelled,
        code=plan.judging.validation_code,
    shell:
        "python -m safelrm.judging.validate --judge-module {params.judge} --field {params.field}"
        " --settings {params.settings:q}"
        " --labelled {params.labelled} --output {output.table} > {log} 2>&1"
