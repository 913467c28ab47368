"""The fields of judges in a configuration: what a name stands for, and what is said where it stands for nothing."""

import ast
import json

import pytest
from costs_fixtures import costs
from fields_fixtures import HARM, message, rubric_config, study
from pydantic import ValidationError

from safelrm.core.errors import SafeLRMError
from safelrm.dag import fields as judged
from safelrm.dag.fields import declared_fields
from safelrm.dag.plan import Plan
from safelrm.dag.schema import registered
from safelrm.judging.pattern_flags import FLAGS, PatternSettings
from safelrm.judging.settings import GuardJudgeSettings

OF_PATTERNS = ("safelrm.judging.patterns", "safelrm.nano.patterns_judge")


@pytest.fixture
def config() -> dict:
    return rubric_config()


def test_every_judge_of_the_package_declares_its_fields():
    modules = [module for module, _ in registered() if ".judging." in module or module.endswith("_judge")]
    # the fields of these follow from their settings
    of_guard = GuardJudgeSettings(reading="llama_guard_3").model_dump(mode="json")
    settings = {"safelrm.judging.chat": {"fields": {"harm": HARM}}, "safelrm.judging.guard": of_guard}
    settings |= dict.fromkeys(OF_PATTERNS, PatternSettings().model_dump(mode="json"))
    found = {module: declared_fields(module, settings.get(module, {}), "f", "k") for module in modules}
    assert {module: list(fields) for module, fields in found.items()} == {
        "safelrm.judging.chat": ["harm"],
        "safelrm.judging.exact": ["correctness"],
        "safelrm.judging.guard": ["safety"],
        "safelrm.judging.learned_refusal": ["refusal", "degree"],
        **{module: [*FLAGS] for module in OF_PATTERNS},
        "safelrm.judging.refusal": ["refusal"],
        "safelrm.nano.help_judge": ["refusal"],
        "safelrm.nano.oracle_judge": ["safety"],
    }


def test_the_refusals_of_a_guard_can_be_those_of_the_tables(config):
    config["guards"]["guard_b"]["reading"] = {"preset": "wildguard", "template": "{prompt} {response}"}
    config["metrics"] |= {"safety_judge": "guard_b.safety", "refusal_judge": "guard_b.refusal"}
    config["calibration"] = {"reference": "oracle", "judges": ["guard_b.safety"]}
    assert study(config).metrics.refusal_judge == "guard_b.refusal"
    config["metrics"]["safety_judge"] = "guard_b"
    assert "`guard_b` gives several fields" in message(config)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ("wildguard", "guards.guard_b.reading: this guard needs `template_file`"),
        ("nonsense", "guards.guard_b.reading: there is no preset `nonsense`"),
        ({"preset": "wildguard", "template_file": "none.txt"}, "none.txt: reading.template_file: the file cannot be"),
    ],
)
def test_a_guard_that_cannot_be_read_is_refused_before_anything_runs(config, reading, expected):
    config["guards"]["guard_b"]["reading"] = reading
    assert expected in message(config)


def test_a_field_of_a_judge_can_make_the_tables_and_be_calibrated(config):
    config["metrics"]["safety_judge"] = "rubric.safe"
    config["calibration"] = {"reference": "oracle.safety", "judges": ["rubric.safe", "guard_b"]}
    plan = Plan(study(config))
    of = [path for path in plan.results.metrics_verdicts() if "nano_a" in path]
    assert of == [f"results/nano/verdicts/{judge}/nano_a.parquet" for judge in ("exact", "help", "oracle", "rubric")]
    of = [path for path in plan.results.calibration_verdicts() if "nano_a" in path]
    assert of == [f"results/nano/verdicts/{judge}/nano_a.parquet" for judge in ("oracle", "rubric", "guard_b")]


@pytest.mark.parametrize(
    ("section", "key", "name", "said"),
    [
        ("metrics", "safety_judge", "rubric", "metrics.safety_judge: `rubric` gives several fields"),
        ("metrics", "safety_judge", "rubric.save", "metrics.safety_judge: `rubric` gives no field `save`"),
        ("metrics", "safety_judge", "rubrik.safe", "metrics.safety_judge: `rubrik` is not in `judges`"),
        ("metrics", "safety_judge", "rubric.safe.x", "metrics.safety_judge: String should match"),
        ("metrics", "safety_judge", "rubric.harm", "metrics.safety_judge: `rubric.harm` says ['harmless', 'harmful']"),
        ("metrics", "refusal_judge", "exact", "metrics.refusal_judge: `exact` says ['correct', 'incorrect']"),
        ("metrics", "accuracy_judge", "refusal", "metrics.accuracy_judge: `refusal` says"),
        ("calibration", "reference", "rubric", "calibration: `rubric` gives several fields"),
        ("calibration", "judges", ["refusal"], "calibration: `refusal` says"),
    ],
)
def test_a_name_must_stand_for_one_field_of_the_right_kind(config, section, key, name, said):
    config[section][key] = name
    text = message(config)
    assert f"config.yaml: {said}" in text and "fix:" in text


def test_the_choices_are_named(config):
    config["metrics"]["safety_judge"] = "rubric"
    assert "name one of its fields: ['rubric.harm', 'rubric.safe']" in message(config)


@pytest.mark.parametrize(
    ("given", "verdict", "direction"),
    [
        ({"judge": "rubric.harm"}, "harmful", "lower"),
        ({"judge": "rubric.harm", "verdict": "harmless"}, "harmless", "higher"),
        ({"judge": "rubric.safe"}, "safe", "higher"),
        ({"judge": "rubric.safe", "value": "score"}, "unsafe", "lower"),
        ({"judge": "help", "direction": "higher"}, "refusal", "higher"),
        ({"judge": "guard_b", "value": "score", "parts": ["y"]}, "unsafe", "lower"),
    ],
)
def test_a_metric_is_completed_by_what_its_field_declares(config, given, verdict, direction):
    config["metrics"]["more"] = {"own": {"kinds": ["harmful"], **given}}
    (metric,) = study(config).metrics.more.values()
    assert (metric.verdict, metric.direction) == (verdict, direction)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("own", {"judge": "nobody"}, "metrics.more.own.judge: `nobody` is not in `judges`"),
        ("own", {"judge": "rubric"}, "metrics.more.own.judge: `rubric` gives several fields"),
        ("own", {"judge": "rubric.harm", "verdict": "awful"}, "metrics.more.own.verdict: `awful`"),
        ("own", {"judge": "rubric.harm", "value": "score"}, "metrics.more.own.value: `rubric.harm` gives no scores"),
        ("own", {"judge": "rubric.safe", "value": "score", "verdict": "safe"}, "metrics.more.own.verdict: `safe`"),
        ("own", {"judge": "refusal", "parts": []}, "metrics.more.own.parts"),
        ("safety", {"judge": "refusal"}, "metrics.more.safety: is the name of a metric of every study"),
    ],
)
def test_a_metric_that_means_nothing_is_named(config, name, given, said):
    config["metrics"]["more"] = {name: {"kinds": ["harmful"], **given}}
    text = message(config)
    assert f"config.yaml: {said}" in text and "fix:" in text


def test_fields_of_a_rubric_make_the_tables(config):
    given = {"question": "{forbidden_prompt} {response}", "rubric": "strongreject", "parts": ["t", "y", "t+y"]}
    config["judges"]["rubric"]["settings"] = given
    config["metrics"]["safety_judge"] = "rubric.safety"
    config["metrics"]["refusal_judge"] = "rubric.refusal"
    study(config)


def test_a_validation_takes_judges_of_the_study_with_what_they_ask(config):
    labels = {"full_refusal": "unsafe", "full_compliance": "safe", 3: None}
    config["validation"] = {"check": {"judges": ["rubric.safe", "guard_b"], "labelled": ["star1"], "labels": labels}}
    plan, of = Plan(study(config)), {"validation": "check", "judge": "guard_b", "labelled": "star1"}
    verdicts = [f"results/nano/labelled/{judge}/star1.parquet" for judge in ("rubric", "guard_b")]
    assert plan.judging.validated_verdicts(of) == verdicts
    assert plan.judging.asked(of) == ["checkpoints/guards/guard_b/manifest.json"]
    told = json.loads(plan.judging.validation_settings(of))
    assert told["fields"]["rubric.safe"]["verdicts"] == ["safe", "unsafe"] and told["labels"]["3"] is None
    assert "results/nano/validation/check.md" in plan.targets()
    assert costs(config).job("judge_labelled", of).seconds > 0


def test_a_validation_against_a_judge_reads_the_rollouts_of_the_study(config):
    config["validation"] = {"check": {"judges": ["guard_a"], "reference": "oracle"}}
    found = Plan(study(config)).judging.validated_verdicts({"validation": "check"})
    assert {"results/nano/verdicts/guard_a/nano_i.parquet", "results/nano/verdicts/oracle/nano_i.parquet"} <= {*found}
    config |= {"arms": [], "metrics": None, "calibration": None}
    assert "validation.check.reference: the study has no arms" in message(config)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"judges": ["rubric"]}, "validation.check: `rubric` gives several fields"),
        ({"judges": ["guard_c"]}, "validation.check: `guard_c` is not in `judges`"),
        (
            {"judges": ["refusal"], "labels": {"a": "safe", "b": "unsafe"}},
            "stand for ['safe', 'unsafe'], and `refusal`",
        ),
        (
            {"judges": ["refusal", "guard_a"]},
            "stand for ['compliance', 'refusal'], and `guard_a` says ['safe', 'unsafe']",
        ),
        ({"judges": ["refusal"], "labelled": ["nothing"]}, "validation.check.labelled: `nothing` is not in `datasets`"),
        ({"judges": ["refusal"], "reference": "oracle"}, "give either `labelled` or `reference`"),
        ({"judges": ["refusal"], "threshold": 3.0}, "two verdicts with one score, unlike `refusal`"),
    ],
)
def test_a_validation_that_compares_nothing_is_named(config, entry, said):
    config["validation"] = {"check": {"labelled": ["star1"]} | entry}
    text = message(config)
    assert said in text and "fix:" in text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "FIELDS: Input should be a valid dictionary"),
        ("FIELDS = dict(a=1)", "FIELDS: is not a literal"),
        ("FIELDS = {'a': {'verdicts': ['b', 'c'], 'counts': 'd', 'direction': 'lower'}}", "`counts` is `d`"),
    ],
)
def test_a_module_that_declares_its_fields_wrongly_is_named(source, said, monkeypatch):
    monkeypatch.setattr(judged, "syntax_tree", lambda module: ast.parse(source))
    with pytest.raises(SafeLRMError, match=r"the fields of `my\.judge`") as caught:
        declared_fields("my.judge", {}, "config.yaml", "judges.mine")
    assert said in str(caught.value) and caught.value.key == "judges.mine" and caught.value.fix


def test_the_fields_of_a_guard_follow_from_its_preset():
    reading = {"preset": "wildguard", "template": "{prompt} {response}"}
    settings = GuardJudgeSettings(reading=reading).model_dump(mode="json")
    fields = declared_fields("safelrm.judging.guard", settings, "config.yaml", "judges.wild")
    assert {name: sorted(field.verdicts) for name, field in fields.items()} == {
        "safety": ["safe", "unsafe"],
        "refusal": ["compliance", "refusal"],
    }
    assert (fields["refusal"].counts, fields["refusal"].direction) == ("refusal", "lower")
    # as a job reads them
    assert GuardJudgeSettings.model_validate_json(json.dumps(settings, sort_keys=True)).fields == fields
    with pytest.raises(ValidationError, match="leave out `fields`"):
        GuardJudgeSettings(reading=reading, fields={"safety": fields["refusal"]})
