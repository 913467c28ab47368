"""The fields of judges in a configuration: what a name stands for, and what is said where it stands for nothing."""

import ast
import json

import pytest
from costs_fixtures import costs, default_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag import fields as judged
from safelrm.dag.costs.endpoints import said_of_endpoints
from safelrm.dag.fields import declared_fields
from safelrm.dag.plan import Plan
from safelrm.dag.schema import registered
from safelrm.dag.study import load_study
from safelrm.judging.settings import ChatField, GuardJudgeSettings

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
    config["judges"]["rubric"] = {"module": CHAT, "model": "nano_i", "may_judge_itself": True, "settings": SETTINGS}
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
        "safelrm.judging.learned_refusal": ["refusal", "degree"],
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
        ({"model": "nano_i", "guard": "guard_b", "settings": SETTINGS}, "judges.rubric: a judge asks one"),
        ({"model": "nano_i", "settings": SETTINGS | {"fields": {}}}, "judges.rubric.settings: fields"),
    ],
)
def test_a_chat_judge_that_cannot_be_asked_is_named(config, entry, said):
    config["judges"]["rubric"] = {"module": CHAT, **entry}
    text = message(config)
    assert said in text and "fix:" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"metrics": {"safety_judge": "rubric.safe"}},
            "metrics.safety_judge: `rubric` does not judge parts ['t', 't+y']",
        ),
        ({"metrics": {"more": {"h": {"judge": "rubric.harm", "kinds": ["harmful"], "parts": ["t"]}}}}, "more.h.parts"),
        ({"metrics": {"more": {"h": {"judge": "rubric.harm", "kinds": ["reasoning"]}}}}, "metrics.more.h.kinds"),
        (
            {"validation": {"v": {"judges": ["rubric.safe"], "reference": "oracle", "parts": ["t"]}}},
            "validation.v.parts",
        ),
    ],
)
def test_what_a_judge_does_not_judge_is_named_before_it_costs_anything(config, change, said):
    config["judges"]["rubric"]["settings"] = SETTINGS | {"parts": ["y"]}
    for section, keys in change.items():
        config[section] = {**config.get(section, {}), **keys}
    text = message(config)
    assert said in text and "judges.rubric.settings." in text


def test_a_fault_of_the_settings_as_a_whole_has_no_empty_key(config):
    config["judges"]["rubric"]["settings"] = SETTINGS | {"question": "{prompt}"}
    assert "judges.rubric.settings: `question` holds none of" in message(config)


def test_bare_words_of_yaml_are_values_as_replies_have_them():
    field = ChatField(**HARM | {"values": {True: "harmful", 0: "harmless"}})
    assert field.values == {"true": "harmful", "0": "harmless"}
    with pytest.raises(ValueError, match="once"):
        ChatField(**HARM | {"values": {1: "harmful", "1": "harmless"}})


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


def asks(config: dict, **endpoint: object):
    """What a judge asks of an endpoint about all runs of a model."""
    chosen = SETTINGS | {"max_tokens": 100, "endpoint": ENDPOINT | endpoint}
    config["judges"]["rubric"] = {"module": CHAT, "settings": chosen}
    return costs(config).job("judge", {"judge": "rubric", "model": "nano_a"})


def test_what_an_endpoint_will_be_asked_and_cost_is_estimated(config):
    prices = {"question_price": 2.0, "reply_price": 10.0, "limit": 0.5}
    plain, priced = asks(config).asks, asks(config, spending=prices).asks
    assert (plain.questions, plain.cost) == (priced.questions, None) and plain.questions > 0
    assert plain.reply_tokens == 100 * plain.questions
    assert priced.cost == pytest.approx((2 * plain.question_tokens + 10 * plain.reply_tokens) / 1e6)
    longer = SETTINGS | {"question": "{text}" + " word" * 400, "endpoint": ENDPOINT}
    config["judges"]["rubric"]["settings"] = longer
    more = costs(config).job("judge", {"judge": "rubric", "model": "nano_a"}).asks
    assert more.question_tokens - plain.question_tokens == pytest.approx(plain.questions * 500, rel=0.02)
    (line,) = said_of_endpoints([priced, None, priced])
    assert line.startswith(f"m at https://api.example.org/v1: {2 * priced.questions:,.0f} questions, about ")
    assert f"about {2 * priced.cost:,.2f} of the limit of 0.50" in line
    assert ("too low" in line) == (2 * priced.cost > 0.5)
    assert said_of_endpoints([None]) == [] and "limit" not in said_of_endpoints([plain])[0]


def test_a_rate_limit_makes_a_judge_take_longer(config):
    fast = asks(config)
    by_requests, by_tokens = asks(config, requests_per_minute=6), asks(config, tokens_per_minute=1000)
    assert by_requests.seconds == pytest.approx(fast.asks.questions * 10)
    assert by_tokens.seconds == pytest.approx((fast.asks.question_tokens + fast.asks.reply_tokens) * 0.06)


def test_a_model_judges_itself_only_where_the_study_says_so(config):
    entry = config["judges"]["rubric"]
    del entry["may_judge_itself"]
    assert "judges.rubric: it asks a model that it judges: `nano_i`" in message(config)
    entry["may_judge_itself"] = True
    study(config)
    # a model that is not compared may judge
    entry["may_judge_itself"] = False
    config["models"]["other"] = config["models"]["nano_i"]
    entry["model"] = "other"
    study(config)


def test_a_model_does_not_judge_itself_by_another_door(config):
    hub = {"repo": "owner/Some-Model", "revision": "0" * 40}
    config["models"]["nano_a"] = {"hub": hub}
    for name in ("Owner/Some-Model", "some-model"):
        config["judges"]["rubric"] = {"module": CHAT, "settings": SETTINGS | {"endpoint": ENDPOINT | {"model": name}}}
        assert "judges.rubric: it asks a model that it judges: `nano_a`" in message(config)
    config["models"]["twin"] = {"hub": hub}
    config["judges"]["rubric"] = {"module": CHAT, "model": "twin", "settings": SETTINGS}
    assert "judges.rubric: it asks a model that it judges: `nano_a`" in message(config)
    config["guards"]["same"] = {"hub": hub, "reading": config["guards"]["guard_a"]["reading"]}
    config["judges"]["rubric"] = {"module": CHAT, "model": "same", "settings": SETTINGS}
    assert "judges.rubric: it asks a model that it judges: `nano_a`" in message(config)


def test_a_file_with_the_question_is_part_of_the_job(config, tmp_path):
    file = tmp_path / "rubric.txt"
    given = {key: value for key, value in SETTINGS.items() if key != "question"} | {"question_file": str(file)}
    config["judges"]["rubric"]["settings"] = given
    text = message(config)
    assert f"{file}: question_file: cannot be read" in text and "fix:" in text
    file.write_text("{text}?", encoding="utf-8")
    before = Plan(study(config)).judging.judge_settings({"judge": "rubric"})
    file.write_text("{text}??", encoding="utf-8")
    assert "{text}??" in Plan(study(config)).judging.judge_settings({"judge": "rubric"}) != before


def test_fields_of_a_rubric_make_the_tables(config):
    given = {"question": "{forbidden_prompt} {response}", "rubric": "strongreject", "parts": ["t", "y", "t+y"]}
    config["judges"]["rubric"]["settings"] = given
    config["metrics"]["safety_judge"] = "rubric.safety"
    config["metrics"]["refusal_judge"] = "rubric.refusal"
    study(config)


def test_an_endpoint_may_be_the_judge_where_a_guard_rewards(config):
    del config["judges"]["guard_b"], config["judges"]["oracle"], config["calibration"]
    config["judges"]["rubric"] = {"module": CHAT, "settings": SETTINGS | {"endpoint": ENDPOINT}}
    config["metrics"]["safety_judge"] = "rubric.safe"
    study(config)
    # the rewarding guard by another door
    config["judges"]["rubric"] = {"module": CHAT, "model": "guard_a", "settings": SETTINGS}
    assert "every judge of safety asks a guard that rewards `rl-grpo`" in message(config)


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
