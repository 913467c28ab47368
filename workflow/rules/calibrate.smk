rule calibrate:
    input:
        verdicts=plan.results.calibration_verdicts(),
    output:
        table="<results>/calibration.parquet",
        csv=report(
            "<results>/tables/calibration.csv",
            category="Tables",
            labels={"table": "calibration of the safety judges"},
            caption="../report/calibration.rst",
        ),
        markdown="<results>/tables/calibration.md",
    log:
        "logs/calibrate/calibrate.log",
    cache: "omit-software"
    resources:
        **costs.resources("calibrate"),
    params:
        settings=plan.results.calibration_settings(),
        code=plan.code("safelrm.analysis.calibrate"),
    shell:
        "python -m safelrm.analysis.calibrate --settings {params.settings:q} --verdicts {input.verdicts}"
        " --output {output.table} --csv {output.csv} --markdown {output.markdown} > {log} 2>&1"
