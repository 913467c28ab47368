rule entropy:
    input:
        checkpoint=plan.entropies.checkpoint,
        base=plan.entropies.base,
        rollouts=plan.entropies.rollouts,
    output:
        entropies="<results>/entropies/{model}/{arm}/seed{seed}.parquet",
        histograms="<results>/entropy_histograms/{model}/{arm}/seed{seed}.parquet",
        positions="<results>/entropy_positions/{model}/{arm}/seed{seed}.parquet",
    log:
        "logs/entropy/{model}/{arm}/seed{seed}.log",
    cache: "omit-software"
    resources:
        **costs.resources("entropy"),
    params:
        model="{model}",
        arm="{arm}",
        seed="{seed}",
        settings=plan.entropies.settings,
        code=plan.code("safelrm.analysis.entropy"),
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.analysis.entropy --settings {params.settings:q} --checkpoint {input.checkpoint}"
        " --base {input.base} --rollouts {input.rollouts} --output {output.entropies}"
        " --histograms {output.histograms} --positions {output.positions} > {log} 2>&1"
