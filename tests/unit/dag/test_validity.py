"""What rewards or was tuned on makes no number of the tables; what is refused is named with its key and a fix."""

import sys

import pytest
from fields_fixtures import CHAT, ENDPOINT, SETTINGS, message, rubric_config, study

from safelrm.core.errors import SafeLRMError
from safelrm.dag import codehash, roots
from safelrm.dag.plan import Plan

HUB = {"repo": "acme/guard", "revision": None}
FOLDER = {"reading": "llama_guard_3"}
TAUGHT = "asks the guard that rewards, `guard_a`: it would judge what it has taught (arm `rl-grpo`)"
METRIC = {"judge": "guard_a", "kinds": ["harmful"]}


@pytest.fixture
def config() -> dict:
    return rubric_config()


def test_the_default_study_keeps_rewards_and_numbers_apart(config):
    chosen = study(config)
    assert chosen.judges[chosen.metrics.safety_judge].guard not in chosen.rl["grpo"].guards
    assert chosen.judges[chosen.metrics.refusal_judge].module != "safelrm.judging.refusal"


@pytest.mark.parametrize(
    ("metrics", "key"),
    [
        ({"safety_judge": "guard_a"}, "metrics.safety_judge"),
        ({"safety_judge": "guard_a.safety"}, "metrics.safety_judge"),
        ({"more": {"harm": METRIC}}, "metrics.more.harm.judge"),
    ],
)
def test_a_guard_that_rewards_makes_no_number(config, metrics, key):
    config["metrics"] |= metrics
    text = message(config)
    assert f"config.yaml: {key}: `guard_a` {TAUGHT}" in text and "fix: name a judge that asks another guard" in text
    config["arms"] = [arm for arm in config["arms"] if arm["method"] != "rl"]
    study(config)


def test_no_field_of_a_guard_that_rewards_counts(config):
    config["guards"]["guard_a"]["reading"] = {"preset": "wildguard", "template": "{prompt} {response}"}
    config["metrics"]["refusal_judge"] = "guard_a.refusal"
    config["calibration"]["judges"] = ["guard_a.safety"]
    assert f"metrics.refusal_judge: `guard_a` {TAUGHT}" in message(config)


def test_a_guard_that_rewards_may_be_calibrated_and_validated(config):
    config["validation"] = {"guards": {"judges": ["guard_a"], "reference": "oracle"}}
    assert study(config).calibration.judges == ["guard_a", "guard_b"]


def same_weights(config: dict, first: dict, second: dict) -> dict:
    """A study whose reward asks the one and whose judge asks the other entry."""
    config["guards"] |= {"guard_a": FOLDER | first, "twin": FOLDER | second}
    config["judges"]["twin"] = {"module": "safelrm.judging.guard", "guard": "twin"}
    config["metrics"]["safety_judge"] = "twin"
    return config


def test_two_entries_of_one_repository_are_one_guard(config):
    assert f"metrics.safety_judge: `twin` {TAUGHT}" in message(same_weights(config, {"hub": HUB}, {"hub": HUB}))
    study(same_weights(config, {"hub": HUB}, {"hub": HUB | {"repo": "acme/other"}}))


def test_two_trainings_with_the_same_settings_are_one_guard(config):
    made = config["guards"]["guard_a"]
    assert TAUGHT in message(same_weights(config, made, made))
    study(same_weights(config, made, made | {"seed": 7}))


def test_a_chat_judge_is_the_guard_that_it_asks(config):
    config["metrics"]["safety_judge"] = "rubric.safe"
    config["judges"]["rubric"] = {"module": CHAT, "settings": SETTINGS | {"endpoint": ENDPOINT}}
    study(config)
    config["judges"]["rubric"] = {"module": CHAT, "model": "guard_a", "settings": SETTINGS}
    assert f"metrics.safety_judge: `rubric` {TAUGHT}" in message(config)
    config["guards"]["guard_a"] = FOLDER | {"hub": HUB}
    served = ENDPOINT | {"model": "someone/Guard"}
    config["judges"]["rubric"] = {"module": CHAT, "settings": SETTINGS | {"endpoint": served}}
    assert f"metrics.safety_judge: `rubric` {TAUGHT}" in message(config)


@pytest.mark.parametrize(
    ("metrics", "key"),
    [
        ({"refusal_judge": "refusal"}, "metrics.refusal_judge"),
        ({"more": {"said": {"judge": "refusal", "kinds": ["benign"]}}}, "metrics.more.said.judge"),
    ],
)
def test_two_lists_of_phrases_are_of_one_kind(config, metrics, key):
    config["metrics"] |= metrics
    text = message(config)
    assert f"config.yaml: {key}: `refusal` (safelrm.judging.refusal) measures by the same means" in text
    assert "as the reward safelrm.training.rewards.over_refusal (arm `rl-grpo`)" in text
    assert "fix: name a judge of another kind" in text
    terms = config["rl"]["grpo"]["rewards"]
    config["rl"]["grpo"]["rewards"] = [term for term in terms if "over_refusal" not in term["module"]]
    study(config)


def test_correctness_may_reward_and_report(config):
    modules_of = [term.module for term in study(config).rl["grpo"].rewards]
    assert "safelrm.training.rewards.correctness" in modules_of
    assert study(config).judges["exact"].module == "safelrm.judging.exact"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Adds a module of the user to a study, as a reward unless it has another name; `declaration` is a line of it."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def add(config: dict, declaration: str, name: str = "my_reward") -> dict:
        text = "from safelrm.core.settings import Strict as Settings\n{}\ndef build(context, settings): ...\n"
        (tmp_path / f"{name}.py").write_text(text.format(declaration) + "def score(samples): ...\n")
        if name == "my_reward":
            config["rl"]["grpo"]["rewards"].append({"module": name, "weight": 0.1})
        return config | {"plugins": [str(tmp_path)]}

    yield add
    roots.use_plugins([], "config.yaml")
    codehash.forget_code()


def test_a_reward_of_the_user_says_what_measures_alike(config, plugin):
    text = message(plugin(config, 'SAME_MEANS_AS = ("safelrm.nano.help_judge",)'))
    assert (
        "metrics.refusal_judge: `help` (safelrm.nano.help_judge) measures by the same means as the reward my_reward"
        in text
    )


@pytest.mark.parametrize("declaration", ['SAME_MEANS_AS = "safelrm.nano.help_judge"', 'SAME_MEANS_AS = ("no.such",)'])
def test_a_wrong_declaration_is_named(config, plugin, declaration):
    with pytest.raises(SafeLRMError) as caught:
        study(plugin(config, declaration))
    assert "my_reward: SAME_MEANS_AS" in str(caught.value) and "fix: name the judges' modules" in str(caught.value)


def gate(**settings: str | None) -> dict:
    """A hybrid term of the reward."""
    module, stand_in = "safelrm.training.rewards.hybrid", "safelrm.training.rewards.scorers.on_topic"
    given = {"helpfulness": stand_in, **settings}
    return {"module": module, "weight": 1.0, "guards": ["guard_a"], "settings": given}


def test_a_module_that_a_reward_asks_counts_like_the_reward(config, plugin):
    """By default phrases say what refuses. A user's module may say it, or may measure as the judge of help does."""
    config["metrics"]["refusal_judge"] = "refusal"
    config["rl"]["grpo"]["rewards"] = [gate()]
    alike = "measures by the same means as the reward"
    assert f"`refusal` (safelrm.judging.refusal) {alike} safelrm.training.rewards.scorers.refusal_phrases" in message(
        config
    )
    config["rl"]["grpo"]["rewards"] = [gate(refused_by=None)]
    study(config)
    config["rl"]["grpo"]["rewards"] = [gate(refused_by=None, helpfulness="my_scorer")]
    config["metrics"]["refusal_judge"] = "help"
    own = plugin(config, 'SAME_MEANS_AS = ("safelrm.nano.help_judge",)', name="my_scorer")
    assert f"metrics.refusal_judge: `help` (safelrm.nano.help_judge) {alike} my_scorer" in message(own)


def test_a_module_that_a_reward_asks_must_be_one(config):
    config["rl"]["grpo"]["rewards"] = [gate(helpfulness="safelrm.core.trace")]
    text = message(config)
    assert "rl.grpo.rewards.0.settings.helpfulness: `safelrm.core.trace` has no ['score']" in text
    config["rl"]["grpo"]["rewards"] = [gate(refused_by="no.such")]
    assert "rl.grpo.rewards.0.settings.refused_by: there is no module `no.such`" in message(config)


@pytest.mark.parametrize("keys", ["'helpfulness'", "('helpfulness',)"])
def test_scorers_are_declared_as_names_of_settings(config, plugin, keys):
    assert f"my_reward: SCORERS: SCORERS is {keys}\n  fix: name the keys" in message(
        plugin(config, f"SCORERS = {keys}")
    )


def test_a_term_scores_kinds_that_its_module_scores(config):
    terms = config["rl"]["grpo"]["rewards"]
    terms[1] |= {"name": "sums", "kinds": ["reasoning", "harmful"]}
    text = message(config)
    assert "rl.grpo.rewards.1.kinds: the reward term `sums` scores reasoning prompts, not harmful ones" in text
    terms[1]["kinds"] = ["reasoning"]
    assert study(config).rl["grpo"].rewards[1].name == "sums"


def with_uses(config: dict, **uses: str) -> dict:
    """A study whose benchmarks have the given uses."""
    config["benchmarks"] = [{"dataset": name, **({"use": uses[name]} if name in uses else {})} for name in EVALUATED]
    return config


EVALUATED = ("requests_harmful", "requests_benign", "dial_trained")


def test_all_benchmarks_of_a_study_have_one_use(config):
    config["audit"]["evaluation"] = [*EVALUATED]
    assert study(with_uses(config)).use == "report"
    text = message(with_uses(config, dial_trained="tune"))
    assert "config.yaml: benchmarks.2.use: `dial_trained` is to tune, and `requests_harmful` is to report" in text
    assert "fix: give all benchmarks one use" in text
    assert study(with_uses(config, **dict.fromkeys(EVALUATED, "tune"))).use == "tune"


@pytest.mark.parametrize("name", ["requests_harmful", "dial_trained"])
def test_benchmarks_of_results_ask_nothing_that_settings_were_chosen_on(config, name):
    config["audit"]["tune"] = ["rl_dial"]
    assert study(with_uses(config | {"audit": config["audit"] | {"evaluation": [*EVALUATED]}})).audit.tune == [
        "rl_dial"
    ]
    # named by itself, and as a benchmark that the audit leaves out
    for evaluation in ([name], ["dial_longer"]):
        config["audit"] |= {"tune": ["rl_dial", name], "evaluation": evaluation}
        text = message(with_uses(config))
        assert f"config.yaml: audit.tune: settings were chosen on `{name}`, and `{name}` asks its prompts" in text
        assert "fix: let benchmarks ask other prompts" in text
    config["audit"] |= {"tune": ["rl_dial"], "evaluation": [name]}
    left_out = [other for other in EVALUATED if other != name]
    assert f"audit.evaluation: the audit does not compare {left_out} with the prompts" in message(with_uses(config))
    config["audit"]["tune"] = ["no_such"]
    assert "audit.tune: `no_such` is not in `datasets`" in message(config)


def test_a_tuning_study_may_list_its_prompts_where_the_audit_evaluates_others(config):
    config["audit"] |= {"tune": [*EVALUATED], "evaluation": ["dial_longer"]}
    chosen = study(with_uses(config, **dict.fromkeys(EVALUATED, "tune")))
    plan = Plan(chosen)
    assert plan.data.audit_named_files("tune") == [f"{name}=data/{name}.parquet" for name in EVALUATED]
    assert chosen.benchmarks[0].asked == study(with_uses(config | {"audit": None})).benchmarks[0].asked


def probed(config: dict, guard: str = "guard_b", dataset: str = "tune_harmful", **changes: object) -> dict:
    """A study whose SFT arms are probed, with a guard that judges."""
    config["sft"]["star1"] |= {
        "probe": {
            "prompts": [{"dataset": dataset}],
            "rewards": [{"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": [guard]}],
            "times": 4,
            "max_completion_tokens": 64,
            **changes,
        }
    }
    return config


@pytest.mark.parametrize("changes", [{"keep": "best"}, {"patience": 2}])
def test_a_guard_that_chooses_the_checkpoint_makes_no_number(config, changes):
    text = message(probed(config, **changes))
    assert "metrics.safety_judge: `guard_b` asks the guard that chooses the checkpoint, `guard_b`" in text
    assert "(arm `sft-star1`)" in text
    study(probed(config, guard="guard_a", **changes))


def test_a_guard_may_be_asked_by_probes_that_choose_nothing(config):
    chosen = study(probed(config))
    assert Plan(chosen).training.guards("sft")({"recipe": "star1"}) == ["checkpoints/guards/guard_b/manifest.json"]
    # a recipe without probes reads none
    assert Plan(chosen).training.guards("sft")({"recipe": "distillation"}) == []


def test_probes_ask_no_prompts_of_a_result(config):
    text = message(probed(config, dataset="requests_harmful"))
    assert "sft.star1.probe.prompts: the benchmark `requests_harmful` asks `requests_harmful`, too" in text
    config["audit"]["tune"].remove("tune_harmful")
    text = message(probed(config))
    assert "sft.star1.probe.prompts: the audit does not compare `tune_harmful`" in text
    assert "fix: add it to `audit.tune`" in text


def test_names_in_probes_are_those_of_the_study(config):
    assert "sft.star1.probe.prompts: `tune_harm` is not in `datasets`" in message(probed(config, dataset="tune_harm"))
    assert "sft.star1.probe.rewards: `guard_c` is not in `guards`" in message(probed(config, guard="guard_c"))
