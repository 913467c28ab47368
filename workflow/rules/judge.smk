rule judge:
    input:
        rollouts="rollouts/{model}/{arm}/seed{seed}.parquet",
        guard=plan.judge_guard,
    output:
        table="<results>/verdicts/{judge}/{model}/{arm}/seed{seed}.parquet",
    log:
        "logs/judge/{judge}/{model}/{arm}/seed{seed}.log",
    benchmark:
        "logs/timings/judge/{judge}_{model}_{arm}_seed{seed}.jsonl"
    priority: 20
    params:
        judge="{judge}",
        run="{model}/{arm}/seed{seed}",
        module=plan.judge_module,
        settings=plan.judge_settings,
        code=plan.judge_code,
    shell:
        "python -m safelrm.judge --name {params.judge} --module {params.module}"
        " --settings {params.settings:q} --rollouts {input.rollouts} --guard {input.guard}"
        " --output {output.table} > {log} 2>&1"
