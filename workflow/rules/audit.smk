rule audit:
    input:
        train=plan.dataset_files(plan.audit_train()),
        evaluation=plan.dataset_files(plan.audit_evaluation()),
    output:
        overlap="<results>/audit/overlap.csv",
        lengths="<results>/audit/lengths.csv",
        traces="<results>/audit/traces.csv",
    log:
        "logs/audit/audit.log",
    resources:
        **costs.resources("audit"),
    params:
        settings=plan.audit_settings(),
        train=plan.named_datasets(plan.audit_train()),
        evaluation=plan.named_datasets(plan.audit_evaluation()),
        code=plan.code("safelrm.data.audit"),
    shell:
        "python -m safelrm.data.audit --settings {params.settings:q} --train {params.train}"
        " --evaluation {params.evaluation} --output-overlap {output.overlap}"
        " --output-lengths {output.lengths} --output-traces {output.traces} > {log} 2>&1"
