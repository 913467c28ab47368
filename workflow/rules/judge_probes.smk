# the same judge on what policies answered to probes
use rule judge as judge_probes with:
    input:
        rollouts=plan.judging.probed,
        asked=plan.judging.asked,
    output:
        table="<results>/probes/{judge}/{model}.parquet",
    log:
        "logs/judge_probes/{judge}/{model}.log",
    cache: "omit-software"
    resources:
        **costs.resources("judge_probes"),
