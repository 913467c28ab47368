# What is fetched is named by a commit of the hub, so code is no parameter here: an edit, or another version of the
# hub's library, need not download anything anew.
localrules:
    fetch_all,
    fetch_model,
    fetch_dataset,


rule fetch_all:
    input:
        plan.fetched(),


rule fetch_model:
    output:
        manifest="hub/models/{repo}/manifest.json",
    log:
        "logs/fetch/models/{repo}.log",
    resources:
        **costs.resources("fetch_model"),
    params:
        settings=plan.fetch_model_settings,
        key=plan.fetch_model_key,
    shell:
        "python -m safelrm.models.fetch --kind model --settings {params.settings:q}"
        " --key {params.key} --manifest {output.manifest} > {log} 2>&1"


rule fetch_dataset:
    output:
        rows="hub/datasets/{dataset}/rows.jsonl",
        manifest="hub/datasets/{dataset}/manifest.json",
    log:
        "logs/fetch/datasets/{dataset}.log",
    resources:
        **costs.resources("fetch_dataset"),
    params:
        settings=plan.fetch_dataset_settings,
        key="datasets.{dataset}.settings",
    shell:
        "python -m safelrm.models.fetch --kind dataset --settings {params.settings:q}"
        " --key {params.key} --manifest {output.manifest} > {log} 2>&1"
