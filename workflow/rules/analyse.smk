rule analyse:
    input:
        rollouts=plan.analyses.rollouts,
        verdicts=plan.analyses.verdicts,
        checkpoints=plan.analyses.checkpoints,
    output:
        table="<results>/analyses/{analysis}/{model}.parquet",
    log:
        "logs/analyse/{analysis}/{model}.log",
    cache: "omit-software"
    resources:
        **costs.resources("analyse"),
    params:
        analysis="{analysis}",
        model="{model}",
        module=plan.analyses.module,
        settings=plan.analyses.settings,
        measures=plan.analyses.declared,
        checkpoints=plan.analyses.named_checkpoints,
        decodings=plan.analyses.decodings,
        code=plan.analyses.code_of,
    shell:
        "exec python -m safelrm.operations.launch --gpus {resources.gpu} --nodes {resources.nodes} --"
        " safelrm.analysis.analyse --name {params.analysis} --module {params.module}"
        " --settings {params.settings:q} --measures {params.measures:q} --rollouts {input.rollouts}"
        " --verdicts {input.verdicts} --checkpoints {params.checkpoints}"
        " --decodings {params.decodings:q} --output {output.table} > {log} 2>&1"
