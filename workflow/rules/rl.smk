rule rl:
    input:
        base="checkpoints/{model}/base/seed0/manifest.json",
        guard=plan.training.rl_guard,
        prompts=plan.training.rl_prompts,
    output:
        **checkpoint("checkpoints/{model}/rl-{recipe}/seed{seed}"),
        curve="results/training/{model}/rl-{recipe}/seed{seed}.parquet",
    log:
        "logs/rl/{model}/{recipe}/seed{seed}.log",
    cache: "omit-software"
    priority: 80
    threads: costs.threads("rl")
    resources:
        **costs.resources("rl"),
    params:
        model="{model}",
        recipe="{recipe}",
        seed="{seed}",
        settings=plan.training.rl_settings,
        guard_settings=plan.training.rl_guard_settings,
        prompts=plan.training.rl_named_prompts,
        code=plan.training.rl_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.training.rl --settings {params.settings:q} --checkpoint {input.base}"
        " --guard {input.guard} --guard-settings {params.guard_settings:q}"
        " --prompts {params.prompts} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"
