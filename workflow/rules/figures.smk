rule figure:
    input:
        metrics="<results>/metrics.parquet",
        differences="<results>/differences.parquet",
    output:
        svg=report(
            "<results>/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        pdf="<results>/figures/{figure}.pdf",
        png="<results>/figures/{figure}.png",
    log:
        "logs/figures/{figure}.log",
    cache: "omit-software"
    wildcard_constraints:
        figure="(safety_gap|trace_vs_answer|thinking|sft_gain|tradeoff)",
    resources:
        **costs.resources("figure"),
    params:
        figure="safelrm.reporting.plots.{figure}",
        settings=plan.results.figure_settings(),
        code=plan.results.figure_code,
    shell:
        "python -m safelrm.reporting.figures --figure {params.figure} --settings {params.settings:q}"
        " --metrics {input.metrics} --differences {input.differences} --svg {output.svg}"
        " --pdf {output.pdf} --png {output.png} > {log} 2>&1"
