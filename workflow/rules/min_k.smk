rule min_k:
    input:
        checkpoint=plan.memorisation.checkpoint,
        data=plan.memorisation.data,
        known=plan.memorisation.known_files,
    output:
        table="<results>/min_k/{model}.parquet",
    log:
        "logs/min_k/{model}.log",
    cache: "omit-software"
    resources:
        **costs.resources("min_k"),
    params:
        model="{model}",
        data=plan.memorisation.named_data,
        members=plan.memorisation.members,
        known=plan.memorisation.known,
        settings=plan.memorisation.min_k_settings(),
        code=plan.memorisation.code_of,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.analysis.min_k --model {params.model} --checkpoint {input.checkpoint} --data {params.data}"
        " --members {params.members:q} --known {params.known:q} --settings {params.settings:q}"
        " --output {output.table} > {log} 2>&1"
