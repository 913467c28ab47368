rule dpo:
    input:
        start=plan.training.start,
        data=plan.training.dpo_data,
        guards=plan.training.guards("dpo"),
        probed=plan.training.probed("dpo"),
    output:
        **checkpoint("checkpoints/{model}/dpo-{recipe}{start}/seed{seed}"),
        curve="results/training/{model}/dpo-{recipe}{start}/seed{seed}.parquet",
        probes="results/probes/{model}/dpo-{recipe}{start}/seed{seed}.parquet",
    log:
        "logs/dpo/{model}/{recipe}{start}/seed{seed}.log",
    cache: "omit-software"
    priority: 60
    threads: costs.threads("dpo")
    resources:
        **costs.resources("dpo"),
    params:
        model="{model}",
        recipe="{recipe}",
        start="{start}",
        seed="{seed}",
        settings=plan.training.dpo_settings,
        guards=plan.training.named_guards("dpo"),
        readings=plan.training.readings("dpo"),
        probed=plan.training.named_probed("dpo"),
        decoding=plan.training.decoding("dpo"),
        template=plan.training.template("dpo"),
        code=plan.training.tuning_code("dpo"),
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.training.dpo --settings {params.settings:q} --checkpoint {input.start}"
        " --candidates {input.data} --seed {params.seed}"
        " --model {params.model} --arm dpo-{params.recipe}{params.start} --decoding {params.decoding}"
        " --template {params.template:q} --guards {params.guards} --readings {params.readings:q}"
        " --probe-prompts {params.probed} --code {params.code}"
        " --manifest {output.manifest} --curve {output.curve} --probes {output.probes} > {log} 2>&1"


# the same for recipes that keep their adapter
use rule dpo as dpo_adapter with:
    output:
        **checkpoint("checkpoints/{model}/dpo-{recipe}{start}/seed{seed}"),
        **adapter("checkpoints/{model}/dpo-{recipe}{start}/seed{seed}"),
        curve="results/training/{model}/dpo-{recipe}{start}/seed{seed}.parquet",
        probes="results/probes/{model}/dpo-{recipe}{start}/seed{seed}.parquet",
    wildcard_constraints:
        recipe=plan.training.with_adapter("dpo"),
    cache: "omit-software"


ruleorder: dpo_adapter > dpo
