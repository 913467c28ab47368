rule select:
    input:
        distilled=plan.distilling.distilled,
        verdicts=plan.distilling.verdicts,
    output:
        conversations="data/selected/{selection}.parquet",
        outcomes="results/selections/{selection}.parquet",
    log:
        "logs/select/{selection}.log",
    cache: "omit-software"
    priority: 65
    resources:
        **costs.resources("select"),
    params:
        selection="{selection}",
        settings=plan.distilling.select_settings,
        verdicts=plan.distilling.named_verdicts,
        code=plan.distilling.select_code,
    shell:
        "python -m safelrm.training.select --settings {params.settings:q} --name {params.selection}"
        " --distilled {input.distilled} --verdicts {params.verdicts} --output {output.conversations}"
        " --output-outcomes {output.outcomes} > {log} 2>&1"
