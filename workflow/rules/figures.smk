rule figure:
    input:
        files=plan.figures.files,
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
    wildcard_constraints:
        figure=plan.figures.pattern,
    cache: "omit-software"
    resources:
        **costs.resources("figure"),
    params:
        figure="{figure}",
        module=plan.figures.module,
        module_settings=plan.figures.module_settings,
        settings=plan.figures.settings(),
        inputs=plan.figures.inputs,
        code=plan.figures.code_of,
    shell:
        "python -m safelrm.reporting.figures --module {params.module} --module-settings {params.module_settings:q}"
        " --settings {params.settings:q} --inputs {params.inputs} --files {input.files}"
        " --svg {output.svg} --pdf {output.pdf} --png {output.png} > {log} 2>&1"
