rule contamination:
    input:
        plan.curation.compared_files(),
    output:
        matches="<results>/curation/matches.csv",
        shares="<results>/curation/shares.csv",
    log:
        "logs/contamination/contamination.log",
    priority: 105
    resources:
        **costs.resources("contamination"),
    params:
        settings=plan.curation.match_settings(),
        data=plan.curation.compared_named_files(),
        code=plan.code("safelrm.data.contamination"),
    shell:
        "python -m safelrm.data.contamination --settings {params.settings:q} --data {params.data}"
        " --output-matches {output.matches} --output-shares {output.shares} > {log} 2>&1"
