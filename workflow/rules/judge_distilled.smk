rule judge_distilled:
    input:
        distilled=plan.judging.distilled,
        asked=plan.judging.asked,
    output:
        table="<results>/distilled/{judge}/{distillation}.parquet",
    log:
        "logs/judge_distilled/{judge}/{distillation}.log",
    cache: "omit-software"
    priority: 65
    threads: costs.threads("judge_distilled")
    resources:
        **costs.resources("judge_distilled"),
    params:
        judge="{judge}",
        distillation="{distillation}",
        module=plan.judging.judge_module,
        settings=plan.judging.judge_settings,
        code=plan.judging.distilled_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.judging.judge_distilled --name {params.judge} --module {params.module}"
        " --settings {params.settings:q} --distilled {input.distilled} --asked {input.asked}"
        " --output {output.table} > {log} 2>&1"
