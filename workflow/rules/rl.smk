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
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.training.rl --settings {params.settings:q} --checkpoint {input.base}"
        " --guard {input.guard} --guard-settings {params.guard_settings:q}"
        " --prompts {params.prompts} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"


# the same for recipes that keep their adapter
use rule rl as rl_adapter with:
    output:
        **checkpoint("checkpoints/{model}/rl-{recipe}/seed{seed}"),
        **adapter("checkpoints/{model}/rl-{recipe}/seed{seed}"),
        curve="results/training/{model}/rl-{recipe}/seed{seed}.parquet",
    wildcard_constraints:
        recipe=plan.training.with_adapter("rl"),
    cache: "omit-software"


ruleorder: rl_adapter > rl
