localrules:
    verify,


rule verify:
    log:
        "logs/verify/verify.log",
    resources:
        **costs.resources("verify"),
    params:
        study=study.name,
        checkout=workflow.basedir,
        configfiles=workflow.configfiles,
        rules=["metrics", "compare", "calibrate", "table", "figure"],
    shell:
        "python -m safelrm.verify --study {params.study} --checkout {params.checkout:q}"
        " --configfiles {params.configfiles:q} --rules {params.rules} 2>&1 | tee {log}"
