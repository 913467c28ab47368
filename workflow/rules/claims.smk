rule claims:
    input:
        samples="<results>/samples.parquet",
        verdicts=plan.results.metrics_verdicts(),
        analyses=plan.claims.analyses(),
    output:
        table="<results>/claims.parquet",
        csv=report(
            "<results>/claims.csv",
            caption="../report/claims.rst",
            category="Tables",
            labels={"table": "claims"},
        ),
        markdown="<results>/claims.md",
    log:
        "logs/claims/claims.log",
    cache: "omit-software"
    resources:
        **costs.resources("claims"),
    params:
        settings=plan.claims.settings(),
        code=plan.code("safelrm.analysis.claims"),
    shell:
        "python -m safelrm.analysis.claims --settings {params.settings:q} --samples {input.samples}"
        " --verdicts {input.verdicts} --analyses {input.analyses} --output {output.table} --csv {output.csv}"
        " --markdown {output.markdown} > {log} 2>&1"
