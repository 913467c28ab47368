rule validate:
    input:
        labelled=plan.judging.validated,
        verdicts=plan.judging.validated_verdicts,
    output:
        table="<results>/validation/{validation}.csv",
        confusion="<results>/validation/{validation}.confusion.csv",
        markdown=report(
            "<results>/validation/{validation}.md",
            category="Tables",
            labels={"table": "validation of judges: {validation}"},
            caption="../report/validation.rst",
        ),
    log:
        "logs/validate/{validation}.log",
    cache: "omit-software"
    resources:
        **costs.resources("validate"),
    params:
        validation="{validation}",
        labelled=plan.judging.named_validated,
        settings=plan.judging.validation_settings,
        code=plan.code("safelrm.analysis.validate"),
    shell:
        "python -m safelrm.analysis.validate --settings {params.settings:q}"
        " --labelled {params.labelled} --verdicts {input.verdicts}"
        " --output {output.table} --confusion {output.confusion} --markdown {output.markdown} > {log} 2>&1"
