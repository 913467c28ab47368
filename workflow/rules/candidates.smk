rule candidates:
    input:
        start=plan.training.start,
        guards=plan.training.candidate_guards,
        prompts=plan.training.candidate_prompts,
    output:
        table="data/candidates/{model}/{candidates}{start}/seed{seed}.parquet",
    log:
        "logs/candidates/{model}/{candidates}{start}/seed{seed}.log",
    cache: "omit-software"
    priority: 70
    threads: costs.threads("candidates")
    resources:
        **costs.resources("candidates"),
    params:
        model="{model}",
        candidates="{candidates}",
        start="{start}",
        seed="{seed}",
        settings=plan.training.candidate_settings,
        guards=plan.training.candidate_named_guards,
        readings=plan.training.candidate_readings,
        prompts=plan.training.candidate_named_prompts,
        code=plan.training.candidate_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.training.candidates --settings {params.settings:q} --checkpoint {input.start}"
        " --model {params.model} --name {params.candidates} --start={params.start:q} --seed {params.seed}"
        " --guards {params.guards} --readings {params.readings:q}"
        " --prompts {params.prompts} --output {output.table} > {log} 2>&1"
