rule rl:
    input:
        start=plan.training.start,
        guards=plan.training.guards("rl"),
        prompts=plan.training.rl_prompts,
        probed=plan.training.probed("rl"),
    output:
        **checkpoint("checkpoints/{model}/rl-{recipe}{start}/seed{seed}"),
        curve="results/training/{model}/rl-{recipe}{start}/seed{seed}.parquet",
        probes="results/probes/{model}/rl-{recipe}{start}/seed{seed}.parquet",
    log:
        "logs/rl/{model}/{recipe}{start}/seed{seed}.log",
    cache: "omit-software"
    priority: 80
    threads: costs.threads("rl")
    resources:
        **costs.resources("rl"),
    params:
        model="{model}",
        recipe="{recipe}",
        start="{start}",
        seed="{seed}",
        settings=plan.training.rl_settings,
        guards=plan.training.named_guards("rl"),
        readings=plan.training.readings("rl"),
        prompts=plan.training.rl_named_prompts,
        probed=plan.training.named_probed("rl"),
        decoding=plan.training.decoding("rl"),
        template=plan.training.template("rl"),
        code=plan.training.rl_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.training.rl --settings {params.settings:q} --checkpoint {input.start}"
        " --guards {params.guards} --readings {params.readings:q}"
        " --prompts {params.prompts} --seed {params.seed}"
        " --model {params.model} --arm rl-{params.recipe}{params.start} --decoding {params.decoding}"
        " --template {params.template:q} --probe-prompts {params.probed} --code {params.code}"
        " --manifest {output.manifest} --curve {output.curve} --probes {output.probes} > {log} 2>&1"


# the same for recipes that keep their adapter
use rule rl as rl_adapter with:
    output:
        **checkpoint("checkpoints/{model}/rl-{recipe}{start}/seed{seed}"),
        **adapter("checkpoints/{model}/rl-{recipe}{start}/seed{seed}"),
        curve="results/training/{model}/rl-{recipe}{start}/seed{seed}.parquet",
        probes="results/probes/{model}/rl-{recipe}{start}/seed{seed}.parquet",
    wildcard_constraints:
        recipe=plan.training.with_adapter("rl"),
    cache: "omit-software"


ruleorder: rl_adapter > rl
