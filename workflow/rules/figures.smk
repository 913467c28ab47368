rule tradeoff_figure:
    input:
        metrics="<results>/metrics.parquet",
    output:
        svg="<results>/figures/tradeoff.svg",
        pdf="<results>/figures/tradeoff.pdf",
        png="<results>/figures/tradeoff.png",
    log:
        "logs/figures/tradeoff.log",
    params:
        code=plan.code("safelrm.figures"),
    shell:
        "python -m safelrm.figures --metrics {input.metrics} --svg {output.svg}"
        " --pdf {output.pdf} --png {output.png} > {log} 2>&1"
