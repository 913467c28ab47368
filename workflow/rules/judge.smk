rule judge:
    input:
        rollouts=plan.judging.rollouts,
        asked=plan.judging.asked,
    output:
        table="<results>/verdicts/{judge}/{model}.parquet",
    log:
        "logs/judge/{judge}/{model}.log",
    cache: "omit-software"
    priority: 20
    threads: costs.threads("judge")
    resources:
        **costs.resources("judge"),
    params:
        judge="{judge}",
        model="{model}",
        module=plan.judging.judge_module,
        settings=plan.judging.judge_settings,
        code=plan.judging.judge_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.judging.judge --name {params.judge} --module {params.module}"
        " --settings {params.settings:q} --rollouts {input.rollouts} --asked {input.asked}"
        " --output {output.table} > {log} 2>&1"
