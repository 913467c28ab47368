rule classifier:
    input:
        labelled=plan.classifiers.labelled,
        encoder=plan.classifiers.encoder_files,
    output:
        **classifier("checkpoints/classifiers/{classifier}"),
        folds="results/training/classifiers/{classifier}.csv",
    log:
        "logs/classifier/{classifier}.log",
    cache: "omit-software"
    priority: 80
    resources:
        **costs.resources("classifier"),
    params:
        classifier="{classifier}",
        labelled=plan.classifiers.named_labelled,
        encoder=plan.classifiers.encoder,
        revision=plan.classifiers.revision,
        settings=plan.classifiers.settings,
        code=plan.code("safelrm.judging.classifier"),
    shell:
        "exec python -m safelrm.judging.classifier --settings {params.settings:q}"
        " --labelled {params.labelled} --encoder {params.encoder:q} --revision {params.revision}"
        " --manifest {output.manifest} --folds {output.folds} > {log} 2>&1"
