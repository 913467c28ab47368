rule rollouts:
    input:
        checkpoint=plan.generation.checkpoint,
        benchmarks=plan.generation.benchmarks(),
    output:
        table="rollouts/{model}/{arm}/seed{seed}.parquet",
    log:
        "logs/rollouts/{model}/{arm}/seed{seed}.log",
    cache: "omit-software"
    priority: 40
    threads: costs.threads("rollouts")
    resources:
        **costs.resources("rollouts"),
    params:
        model="{model}",
        arm="{arm}",
        seed="{seed}",
        settings=plan.generation.rollout_settings,
        benchmarks=plan.generation.named_benchmarks(),
        code=plan.generation.rollout_code,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --cores {threads} --"
        " safelrm.generation.rollouts --settings {params.settings:q} --checkpoint {input.checkpoint}"
        " --model {params.model} --arm {params.arm} --seed {params.seed}"
        " --benchmark {params.benchmarks} --output {output.table} > {log} 2>&1"
