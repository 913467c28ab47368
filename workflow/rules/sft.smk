rule sft:
    input:
        base="checkpoints/{model}/base/seed0/manifest.json",
        data=plan.training.sft_data,
    output:
        **checkpoint("checkpoints/{model}/sft-{recipe}/seed{seed}"),
        curve="results/training/{model}/sft-{recipe}/seed{seed}.parquet",
    log:
        "logs/sft/{model}/{recipe}/seed{seed}.log",
    cache: "omit-software"
    priority: 60
    resources:
        **costs.resources("sft"),
    params:
        model="{model}",
        recipe="{recipe}",
        seed="{seed}",
        settings=plan.training.sft_settings,
        code=plan.code("safelrm.training.sft"),
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.training.sft --settings {params.settings:q} --checkpoint {input.base}"
        " --data {input.data} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"


# the same for recipes that keep their adapter
use rule sft as sft_adapter with:
    output:
        **checkpoint("checkpoints/{model}/sft-{recipe}/seed{seed}"),
        **adapter("checkpoints/{model}/sft-{recipe}/seed{seed}"),
        curve="results/training/{model}/sft-{recipe}/seed{seed}.parquet",
    wildcard_constraints:
        recipe=plan.training.with_adapter("sft"),
    cache: "omit-software"


ruleorder: sft_adapter > sft
