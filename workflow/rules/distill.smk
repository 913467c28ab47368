rule distill:
    input:
        teacher=plan.distilling.teacher,
        prompts=plan.distilling.prompts,
    output:
        table="data/distilled/{distillation}.parquet",
    log:
        "logs/distill/{distillation}.log",
    cache: "omit-software"
    priority: 70
    threads: costs.threads("distill")
    resources:
        **costs.resources("distill"),
    params:
        distillation="{distillation}",
        settings=plan.distilling.distill_settings,
        prompts=plan.distilling.named_prompts,
        code=plan.distilling.distill_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.generation.distill --settings {params.settings:q} --name {params.distillation}"
        " --checkpoint {input.teacher} --prompts {params.prompts} --output {output.table} > {log} 2>&1"
