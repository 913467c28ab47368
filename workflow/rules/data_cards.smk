rule data_cards:
    input:
        data=plan.curation.described_file,
        dropped=plan.curation.described_dropped,
        tokenizers=plan.curation.tokenizers(),
        shares="<results>/curation/shares.csv",
        tables=plan.card_tables(),
    output:
        lengths="<results>/curation/lengths/{dataset}.csv",
        card="<results>/curation/cards/{dataset}.md",
    log:
        "logs/contamination/cards/{dataset}.log",
    resources:
        **costs.resources("data_cards"),
    params:
        settings=plan.curation.card_settings,
        dropped=plan.curation.described_named_dropped,
        tokenizers=plan.curation.named_tokenizers(),
        code=plan.code("safelrm.data.data_cards"),
    shell:
        "python -m safelrm.data.data_cards --settings {params.settings:q} --data {wildcards.dataset}={input.data}"
        " --dropped {params.dropped} --tokenizers {params.tokenizers} --tables {input.shares} {input.tables}"
        " --output-lengths {output.lengths} --output-cards {output.card} > {log} 2>&1"
