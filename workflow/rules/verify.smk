localrules:
    verify,
    verify_all,


rule verify:
    log:
        "logs/verify/verify.log",
    resources:
        **costs.resources("verify"),
    params:
        checkout=workflow.basedir,
        configfiles=workflow.configfiles,
        config=given_config(workflow.config_settings.config),
        rules=[
            "metrics",
            "compare",
            "claims",
            "calibrate",
            "measures",
            "memorisation",
            "table",
            "latex",
            "figure",
        ],
        studies="",
    shell:
        "python -m safelrm.operations.verify --checkout {params.checkout:q} --configfiles {params.configfiles:q}"
        " --config {params.config:q} --rules {params.rules} {params.studies} 2>&1 | tee {log}"


# every published study, with the configuration that it was pinned with
use rule verify as verify_all with:
    log:
        "logs/verify/verify_all.log",
    params:
        studies="--all",
