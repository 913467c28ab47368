rule compare:
    input:
        samples="<results>/samples.parquet",
        verdicts=plan.results.metrics_verdicts(),
    output:
        table="<results>/differences.parquet",
        csv=report(
            "<results>/tables/differences.csv",
            caption="../report/differences.rst",
            category="Tables",
            labels={"table": "differences"},
        ),
        markdown="<results>/tables/differences.md",
    log:
        "logs/compare/compare.log",
    cache: "omit-software"
    resources:
        **costs.resources("compare"),
    params:
        settings=plan.results.comparison_settings(),
        code=plan.code("safelrm.analysis.compare"),
    shell:
        "python -m safelrm.analysis.compare --settings {params.settings:q} --samples {input.samples}"
        " --verdicts {input.verdicts} --output {output.table} --csv {output.csv}"
        " --markdown {output.markdown} > {log} 2>&1"
