rule data_cards:
    input:
        data=plan.curation.compared_files(),
        dropped=plan.curation.dropped_files(),
        tokenizers=plan.curation.tokenizers(),
        shares="<results>/curation/shares.csv",
    output:
        lengths="<results>/curation/lengths.csv",
        cards=plan.curation.card_files(),
    log:
        "logs/contamination/data_cards.log",
    resources:
        **costs.resources("data_cards"),
    params:
        settings=plan.curation.card_settings(),
        data=plan.curation.compared_named_files(),
        dropped=plan.curation.dropped_named_files(),
        tokenizers=plan.curation.named_tokenizers(),
        code=plan.code("safelrm.data.cards"),
    shell:
        "python -m safelrm.data.cards --settings {params.settings:q} --data {params.data} --dropped {params.dropped}"
        " --tokenizers {params.tokenizers} --shares {input.shares} --output-lengths {output.lengths}"
        " --output-cards {output.cards} > {log} 2>&1"
