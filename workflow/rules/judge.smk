rule judge:
    input:
        rollouts=plan.model_rollouts,
        guard=plan.judge_guard,
    output:
        table="<results>/verdicts/{judge}/{model}.parquet",
    log:
        "logs/judge/{judge}/{model}.log",
    cache: "omit-software"
    priority: 20
    resources:
        **costs.resources("judge"),
    params:
        judge="{judge}",
        model="{model}",
        module=plan.judge_module,
        settings=plan.judge_settings,
        code=plan.judge_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.judging.judge --name {params.judge} --module {params.module}"
        " --settings {params.settings:q} --rollouts {input.rollouts} --guard {input.guard}"
        " --code {params.code} --output {output.table} > {log} 2>&1"
