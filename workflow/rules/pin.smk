localrules:
    pin,


rule pin:
    input:
        plan.targets(),
    log:
        "logs/pin/pin.log",
    resources:
        **costs.resources("pin"),
    params:
        study=study.name,
        datasets=list(study.datasets),
    shell:
        "python -m safelrm.pin --study {params.study} --datasets {params.datasets} > {log} 2>&1"
