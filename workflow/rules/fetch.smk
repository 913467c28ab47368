# A commit of the hub names what is fetched, so code is no parameter here. Neither an edit nor another version of the
# hub's library downloads anything again.
localrules:
    fetch_all,
    fetch_model,
    fetch_dataset,


rule fetch_all:
    input:
        plan.fetching.manifests(),


rule fetch_model:
    output:
        manifest="hub/models/{repo}/manifest.json",
    log:
        "logs/fetch/models/{repo}.log",
    resources:
        **costs.resources("fetch_model"),
    params:
        settings=plan.fetching.model_settings,
        key=plan.fetching.model_key,
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
        settings=plan.fetching.dataset_settings,
        key="datasets.{dataset}.settings",
    shell:
        "python -m safelrm.models.fetch --kind dataset --settings {params.settings:q}"
        " --key {params.key} --manifest {output.manifest} > {log} 2>&1"
