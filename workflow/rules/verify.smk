localrules:
    verify,


rule verify:
    log:
        "logs/verify/verify.log",
    resources:
        **costs.resources("verify"),
    params:
        checkout=workflow.basedir,
        configfiles=workflow.configfiles,
        config=given_config(workflow.config_settings.config),
        rules=["metrics", "compare", "calibrate", "measures", "table", "figure"],
    shell:
        "python -m safelrm.operations.verify --checkout {params.checkout:q} --configfiles {params.configfiles:q}"
        " --config {params.config:q} --rules {params.rules} 2>&1 | tee {log}"
