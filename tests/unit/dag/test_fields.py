"""The fields of judges in a configuration: what a name stands for, and what is said where it stands for nothing."""

import ast

import pytest
from costs_fixtures import costs, default_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag import fields as judged
from safelrm.dag.fields import declared_fields
from safelrm.dag.plan import Plan
from safelrm.dag.schema import registered
from safelrm.dag.study import load_study
from safelrm.judging.settings import GuardJudgeSettings

YES_NO = {"direction": "lower", "pattern": "yes|no"}
HARM = {"verdicts": ["harmless", "harmful"], "counts": "harmful", "values": {"yes": "harmful"}, **YES_NO}
SAFE = {
    "verdicts": ["safe", "unsafe"],
    "counts": "safe",
    "direction": "higher",
    "score": "unsafe",
    "json_key": "degree",
    "scale": [0, 10],
    "threshold": 5,
}
SETTINGS = {"question": "{prompt} {text}", "parts": ["t", "y", "t+y"], "fields": {"harm": HARM, "safe": SAFE}}
ENDPOINT = {"url": "https://api.example.org/v1", "model": "m"}
CHAT = "safelrm.judging.chat"


@pytest.fixture
def config() -> dict:
    config = default_config()
    config["judges"]["rubric"] = {"module": CHAT, "model": "nano_i", "settings": SETTINGS}
    return config


def study(config: dict):
    return load_study(config, "config.yaml")


def message(config: dict) -> str:
    with pytest.raises(SafeLRMError) as caught:
        study(config)
    return str(caught.value)


def test_every_judge_of_the_package_declares_its_fields():
    modules = [module for module, _ in registered() if ".judging." in module or module.endswith("_judge")]
    # the fields of these follow from their settings
    of_guard = GuardJudgeSettings(reading="llama_guard_3").model_dump(mode="json")
    settings = {"safelrm.judging.chat": {"fields": {"harm": HARM}}, "safelrm.judging.guard": of_guard}
    found = {module: declared_fields(module, settings.get(module, {}), "f", "k") for module in modules}
    assert {module: list(fields) for module, fields in found.items()} == {
        "safelrm.judging.chat": ["harm"],
        "safelrm.judging.exact": ["correctness"],
        "safelrm.judging.guard": ["safety"],
        "safelrm.judging.refusal": ["refusal"],
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
        ("wildguard", "guards.guard_b.reading: Value error, this guard needs `template_file`"),
        ("nonsense", "guards.guard_b.reading: Value error, there is no preset `nonsense`"),
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
    assert of == [f"results/nano/verdicts/{judge}/nano_a.parquet" for judge in ("exact", "refusal", "rubric")]
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
        ({"judge": "refusal", "direction": "higher"}, "refusal", "higher"),
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


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"settings": SETTINGS}, "judges.rubric: asks no model"),
        (
            {"model": "nano_i", "settings": SETTINGS | {"endpoint": ENDPOINT}},
            "asks a model of the study and an endpoint",
        ),
        ({"model": "nano_x", "settings": SETTINGS}, "judges.rubric.model: `nano_x` is not in `models`"),
        ({"model": "nano_i", "guard": "guard_b", "settings": SETTINGS}, "judges.rubric: Value error, a judge asks one"),
        ({"model": "nano_i", "settings": SETTINGS | {"fields": {}}}, "judges.rubric.settings: fields"),
    ],
)
def test_a_chat_judge_that_cannot_be_asked_is_named(config, entry, said):
    config["judges"]["rubric"] = {"module": CHAT, **entry}
    text = message(config)
    assert said in text and "fix:" in text


def test_a_chat_judge_waits_for_its_model(config):
    plan = Plan(study(config))
    assert plan.judging.asked({"judge": "rubric"}) == ["checkpoints/nano_i/base/seed0/manifest.json"]
    config["judges"]["rubric"]["model"] = "guard_b"
    assert Plan(study(config)).judging.asked({"judge": "rubric"}) == ["checkpoints/guards/guard_b/manifest.json"]
    config["judges"]["rubric"] = {"module": CHAT, "settings": SETTINGS | {"endpoint": ENDPOINT}}
    assert Plan(study(config)).judging.asked({"judge": "rubric"}) == []


def test_a_chat_judge_of_the_study_costs_more_the_more_it_says(config):
    def seconds() -> float:
        return costs(config).job("judge", {"judge": "rubric", "model": "nano_a"}).seconds

    config["judges"]["rubric"]["settings"] = SETTINGS | {"max_tokens": 64}
    short = seconds()
    config["judges"]["rubric"]["settings"] = SETTINGS | {"max_tokens": 512}
    assert seconds() > short > costs(config).job("judge", {"judge": "refusal", "model": "nano_a"}).seconds


def test_an_endpoint_takes_longer_the_fewer_questions_it_is_asked_at_a_time(config):
    def seconds(concurrency: int) -> float:
        asked = SETTINGS | {"endpoint": ENDPOINT | {"concurrency": concurrency}}
        config["judges"]["rubric"] = {"module": CHAT, "settings": asked}
        return costs(config).job("judge", {"judge": "rubric", "model": "nano_a"}).seconds

    assert seconds(2) == 4 * seconds(8) > 0


def test_an_endpoint_may_be_the_judge_where_a_guard_rewards(config):
    del config["judges"]["guard_b"], config["judges"]["oracle"], config["calibration"]
    config["judges"]["rubric"] = {"module": CHAT, "settings": SETTINGS | {"endpoint": ENDPOINT}}
    config["metrics"]["safety_judge"] = "rubric.safe"
    study(config)
    # the rewarding guard by another door
    config["judges"]["rubric"] = {"module": CHAT, "model": "guard_a", "settings": SETTINGS}
    assert "every judge of safety asks a guard that rewards `rl-grpo`" in message(config)


def test_a_validation_chooses_a_field(config):
    refusal = {"verdicts": ["refusal", "compliance"], "counts": "refusal", "values": {"yes": "refusal"}, **YES_NO}
    both = SETTINGS | {"fields": {"harm": HARM, "refusal": refusal}, "endpoint": ENDPOINT}
    entry = {"judge": CHAT, "settings": both, "labelled": ["star1"]}
    config["validation"] = {"check": entry}
    assert "validation.check.field: `safelrm.judging.chat` gives several fields" in message(config)
    entry["settings"] = both | {"endpoint": None}
    assert "validation.check.settings.endpoint: asks no model" in message(config)
    entry["settings"] = both
    entry["field"] = "harm"
    assert "validation.check.judge: `safelrm.judging.chat` says ['harmless', 'harmful']" in message(config)
    entry["field"] = "refusal"
    assert Plan(study(config)).judging.validated_field({"validation": "check"}) == "refusal"


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
