rule audit:
    input:
        train=plan.data.audit_files("train"),
        evaluation=plan.data.audit_files("evaluation"),
    output:
        overlap="<results>/audit/overlap.csv",
        lengths="<results>/audit/lengths.csv",
        traces="<results>/audit/traces.csv",
    log:
        "logs/audit/audit.log",
    resources:
        **costs.resources("audit"),
    params:
        settings=plan.data.audit_settings(),
        train=plan.data.audit_named_files("train"),
        evaluation=plan.data.audit_named_files("evaluation"),
        code=plan.code("safelrm.data.audit"),
    shell:
        "python -m safelrm.data.audit --settings {params.settings:q} --train {params.train}"
        " --evaluation {params.evaluation} --output-overlap {output.overlap}"
        " --output-lengths {output.lengths} --output-traces {output.traces} > {log} 2>&1"
