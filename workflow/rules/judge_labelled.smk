rule judge_labelled:
    input:
        labelled=plan.judging.labelled,
        asked=plan.judging.asked,
    output:
        table="<results>/labelled/{judge}/{labelled}.parquet",
    log:
        "logs/judge_labelled/{judge}/{labelled}.log",
    cache: "omit-software"
    priority: 20
    threads: costs.threads("judge_labelled")
    resources:
        **costs.resources("judge_labelled"),
    params:
        judge="{judge}",
        labelled="{labelled}",
        module=plan.judging.judge_module,
        settings=plan.judging.judge_settings,
        code=plan.judging.labelled_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.judging.judge_labelled --name {params.judge} --module {params.module}"
        " --settings {params.settings:q} --set {params.labelled} --labelled {input.labelled} --asked {input.asked}"
        " --output {output.table} > {log} 2>&1"
