rule audit:
    input:
        train=plan.data.audit_files("train"),
        tune=plan.data.audit_files("tune"),
        evaluation=plan.data.audit_files("evaluation"),
    output:
        overlap="<results>/audit/overlap.csv",
        lengths="<results>/audit/lengths.csv",
        traces="<results>/audit/traces.csv",
    log:
        "logs/audit/audit.log",
    priority: 105  # before models are trained, since it may fail
    resources:
        **costs.resources("audit"),
    params:
        settings=plan.data.audit_settings(),
        train=plan.data.audit_named_files("train"),
        tune=plan.data.audit_named_files("tune"),
        evaluation=plan.data.audit_named_files("evaluation"),
        code=plan.code("safelrm.data.audit"),
    shell:
        "python -m safelrm.data.audit --settings {params.settings:q} --train {params.train}"
        " --tune {params.tune}"
        " --evaluation {params.evaluation} --output-overlap {output.overlap}"
        " --output-lengths {output.lengths} --output-traces {output.traces} > {log} 2>&1"
