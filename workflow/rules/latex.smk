rule latex:
    input:
        markdown="<results>/tables/{name}.md",
    output:
        latex="<results>/tables/{name}.tex",
    log:
        "logs/latex/{name}.log",
    cache: "omit-software"
    resources:
        **costs.resources("latex"),
    params:
        name="{name}",
        code=plan.code("safelrm.reporting.latex"),
    shell:
        "python -m safelrm.reporting.latex --markdown {input.markdown} --output {output.latex} > {log} 2>&1"
