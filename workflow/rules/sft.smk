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
    threads: costs.threads("sft")
    resources:
        **costs.resources("sft"),
    params:
        model="{model}",
        recipe="{recipe}",
        seed="{seed}",
        settings=plan.training.sft_settings,
        code=plan.code("safelrm.training.sft"),
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.training.sft --settings {params.settings:q} --checkpoint {input.base}"
        " --data {input.data} --seed {params.seed}"
        " --code {params.code} --manifest {output.manifest} --curve {output.curve} > {log} 2>&1"
