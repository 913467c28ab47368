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
        configfiles=workflow.configfiles,
        config=given_config(workflow.config_settings.config),
    shell:
        "python -m safelrm.operations.pin --configfiles {params.configfiles:q} --config {params.config:q} > {log} 2>&1"
