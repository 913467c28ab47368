"""Chat judges in a configuration: whom they may ask, what that costs, and what is said of those that cannot ask."""

import pytest
from costs_fixtures import costs
from fields_fixtures import CHAT, ENDPOINT, HARM, SETTINGS, message, rubric_config, study

from safelrm.dag.costs.endpoints import said_of_endpoints
from safelrm.dag.plan import Plan
from safelrm.judging.settings import ChatField


@pytest.fixture
def config() -> dict:
    return rubric_config()


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
