rule sft:
    input:
        start=plan.training.start,
        data=plan.training.sft_data,
        guards=plan.training.guards("sft"),
        probed=plan.training.probed("sft"),
    output:
        **checkpoint("checkpoints/{model}/sft-{recipe}{start}/seed{seed}"),
        curve="results/training/{model}/sft-{recipe}{start}/seed{seed}.parquet",
        probes="results/probes/{model}/sft-{recipe}{start}/seed{seed}.parquet",
    log:
        "logs/sft/{model}/{recipe}{start}/seed{seed}.log",
    cache: "omit-software"
    priority: 60
    threads: costs.threads("sft")
    resources:
        **costs.resources("sft"),
    params:
        model="{model}",
        recipe="{recipe}",
        start="{start}",
        seed="{seed}",
        settings=plan.training.sft_settings,
        data=plan.training.sft_named_data,
        guards=plan.training.named_guards("sft"),
        readings=plan.training.readings("sft"),
        probed=plan.training.named_probed("sft"),
        decoding=plan.training.decoding("sft"),
        template=plan.training.template("sft"),
        code=plan.training.tuning_code("sft"),
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.training.sft --settings {params.settings:q} --checkpoint {input.start}"
        " --data {params.data} --seed {params.seed}"
        " --model {params.model} --arm sft-{params.recipe}{params.start} --decoding {params.decoding}"
        " --template {params.template:q} --guards {params.guards} --readings {params.readings:q}"
        " --probe-prompts {params.probed} --code {params.code}"
        " --manifest {output.manifest} --curve {output.curve} --probes {output.probes} > {log} 2>&1"


# the same for recipes that keep their adapter
use rule sft as sft_adapter with:
    output:
        **checkpoint("checkpoints/{model}/sft-{recipe}{start}/seed{seed}"),
        **adapter("checkpoints/{model}/sft-{recipe}{start}/seed{seed}"),
        curve="results/training/{model}/sft-{recipe}{start}/seed{seed}.parquet",
        probes="results/probes/{model}/sft-{recipe}{start}/seed{seed}.parquet",
    wildcard_constraints:
        recipe=plan.training.with_adapter("sft"),
    cache: "omit-software"


ruleorder: sft_adapter > sft
