"""Distillations and selections in the plan of a study: who reads what, what may not judge, and faults by key."""

import json

import pytest
from distilled_fixtures import GUARDED, LIMITS, selection_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag.built_in import built_in_arms
from safelrm.dag.costs.resources import Costs
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.dag.taught import taught_arms
from safelrm.operations.card import recipes, training_sets
from safelrm.operations.trails import trail_of_selection

DIRECT, OWN = {"selection": "direct"}, {"distillation": "own"}
CHAT = {
    "module": "safelrm.judging.chat",
    "settings": {
        "question": "{prompt} {text}",
        "endpoint": {"url": "https://a.example/v1", "model": "m"},
        "fields": {"safe": {"verdicts": ["yes", "no"], "counts": "yes", "direction": "higher", "values": {"y": "yes"}}},
    },
}
TAUGHT = {"checkpoint": {"model": "nano_a", "arm": "rl-grpo-from-sft-star1", "seed": 7, "max_model_length": 192}}


def load(config: dict):
    return load_study(config, "config.yaml")


@pytest.fixture(scope="module")
def plan():
    config = selection_config(best={"harmful": {"judge": "guard_a", "part": "t+y"}})
    config["audit"]["train"].append("direct")
    return Plan(load(config))


def test_each_job_reads_what_it_is_made_from(plan):
    stages = plan.distilling
    assert stages.teacher(OWN) == ["checkpoints/nano_a/base/seed0/manifest.json"]
    assert stages.named_prompts(OWN) == ["rl_harmful=data/rl_harmful.parquet", "rl_dial=data/rl_dial.parquet"]
    assert stages.distilled(DIRECT) == "data/distilled/own.parquet"
    assert stages.named_verdicts(DIRECT) == ["guard_a=results/nano/distilled/guard_a/own.parquet"]
    assert json.loads(stages.select_settings(DIRECT))["fields"]["guard_a"]["score"] == "unsafe"
    of = {"model": "nano_b", "recipe": "direct", "start": "", "seed": "1"}
    assert plan.training.sft_data(of) == ["data/selected/direct.parquet"]
    assert plan.training.sft_named_data(of) == ["direct=data/selected/direct.parquet"]
    assert "direct=data/selected/direct.parquet" in plan.data.audit_named_files("train")
    asked = plan.judging.asked({"judge": "guard_a", "distillation": "own"})
    assert asked == ["checkpoints/guards/guard_a/manifest.json"]


def test_what_is_read_is_pinned_and_nothing_else(plan):
    assert {"data/distilled/own.parquet", "data/selected/direct.parquet"} <= {*plan.pinned_files()}
    unused = selection_config()
    unused["arms"] = unused["arms"][:-1]
    assert not [path for path in Plan(load(unused)).pinned_files() if "distilled" in path or "selected" in path]


def test_a_teacher_need_not_be_an_arm_of_the_study():
    config = selection_config()
    config["distillations"]["own"] |= {"teacher": TAUGHT}
    study = load(config)
    found = Plan(study)
    manifest = "checkpoints/nano_a/rl-grpo-from-sft-star1/seed7/manifest.json"
    assert found.distilling.teacher(OWN) == [manifest]
    # pinned with all that it was trained from
    assert {manifest, "checkpoints/nano_a/sft-star1/seed7/manifest.json"} <= {*found.pinned_files()}
    assert [arm.name for arm in taught_arms(study)[len(study.arms) :]] == ["rl-grpo-from-sft-star1", "sft-star1"]
    assert "data/star1.parquet" in found.data.used()


def test_another_filter_or_another_teacher_is_another_job(plan):
    changed = selection_config(filters=[{"module": "safelrm.training.filters.parse"}])
    changed["distillations"]["own"] |= {"teacher": {"module": "safelrm.nano.writer"}}
    del changed["distillations"]["own"]["sampling"]
    other = Plan(load(changed))
    assert other.distilling.verdicts(DIRECT) == [] and other.distilling.teacher(OWN) == []
    for name in ("select_code", "select_settings"):
        assert getattr(other.distilling, name)(DIRECT) != getattr(plan.distilling, name)(DIRECT)
    assert other.distilling.distill_code(OWN) != plan.distilling.distill_code(OWN)
    # the settings of the module are complete
    assert json.loads(other.distilling.distill_settings(OWN))["teacher"]["settings"]["dialect"] == "family_a"


def test_a_mode_gives_the_template_its_arguments_and_changes_no_sampling():
    config = selection_config()
    modes = config["models"]["nano_b"]["decodings"]
    modes["non_thinking"]["sampling"] = {"temperature": 0.1}
    teacher = {"model": "nano_b", "decoding": "non_thinking", "max_model_length": 192}
    config["distillations"]["own"] |= {"teacher": {"checkpoint": teacher}}
    told = json.loads(Plan(load(config)).distilling.distill_settings(OWN))
    assert told["template"] == {"enable_thinking": False} and told["sampling"]["temperature"] == 1.0


def judged_by(judge: str, **settings: object) -> dict:
    kinds = ["reasoning"] if judge == "exact" else ["harmful"]
    return GUARDED | {"kinds": kinds, "settings": {"part": "y", **settings, "judge": judge}}


@pytest.mark.parametrize(
    ("changes", "metrics", "said"),
    [
        ({"filters": [judged_by("guard_b", verdicts=["safe"])]}, {}, "`guard_b` selects what is trained on"),
        ({"best": {"harmful": {"judge": "guard_b"}}}, {}, "`guard_b` selects what is trained on"),
        ({"filters": [judged_by("second_b", verdicts=["safe"])]}, {}, "`guard_b` asks the model of `second_b`"),
        (
            {"filters": [judged_by("helping", verdicts=["refusal"])]},
            {},
            "`help` measures by the same means",
        ),
        ({"filters": [judged_by("chat", verdicts=["yes"])]}, {"safety_judge": "guard_b"}, None),
        ({"filters": [judged_by("exact", verdicts=["correct"])]}, {}, None),
        ({}, {}, None),
        ({}, {"safety_judge": "guard_a"}, "`guard_a`"),
    ],
)
def test_what_selects_does_not_report(changes, metrics, said):
    config = selection_config(**changes)
    config["arms"] = [arm for arm in config["arms"] if arm["method"] != "rl"]
    config["judges"]["second_b"] = config["judges"]["guard_b"]
    config["judges"]["helping"] = config["judges"]["help"]
    config["judges"]["chat"] = CHAT
    config["metrics"] |= metrics
    if said is None:
        load(config)
        return
    with pytest.raises(SafeLRMError, match=said) as error:
        load(config)
    assert "selection `direct`, arm `sft-direct`" in str(error.value) and error.value.key.startswith("metrics.")


def test_what_has_rewarded_the_teacher_does_not_report():
    config = selection_config(filters=[])
    config["arms"] = [arm for arm in config["arms"] if arm["method"] != "rl"]
    config["metrics"] |= {"safety_judge": "guard_a"}
    load(config)
    config["distillations"]["own"] |= {"teacher": TAUGHT}
    with pytest.raises(SafeLRMError, match=r"`guard_a` asks the guard that rewards.*rl-grpo-from-sft-star1"):
        load(config)


@pytest.mark.parametrize(
    ("section", "entry", "changes", "said"),
    [
        ("sft", "direct", {"dataset": "nowhere"}, "sft.direct.dataset: `nowhere` is not in `datasets`"),
        ("selections", "direct", {"distillation": "none"}, "direct.distillation: `none` is not in `distillations`"),
        ("selections", "direct", {"best": {"benign": {"judge": "jury"}}}, "direct.best: `jury` is not in `judges`"),
        (
            "selections",
            "direct",
            {"filters": [judged_by("guards_a", verdicts=["safe"])]},
            "selections.direct.filters.0.settings.judge: `guards_a` is not in `judges`",
        ),
        ("selections", "direct", {"filters": [judged_by("guard_a", verdicts=["good"])]}, "never says ['good']"),
        ("selections", "direct", {"filters": [judged_by("guard_a.tone", verdicts=["safe"])]}, "no field `tone`"),
        ("selections", "direct", {"filters": [judged_by("refusal", least=0.5)]}, "`refusal` gives no scores"),
        ("selections", "direct", {"filters": [judged_by("guard_a")]}, "give `verdicts`, or `least`"),
        (
            "selections",
            "direct",
            {"filters": [GUARDED | {"kinds": ["reasoning"]}]},
            "does not judge kinds ['reasoning']",
        ),
        ("selections", "direct", {"filters": [{"module": "safelrm.judging.exact"}]}, "has no ['reasons']"),
        ("selections", "direct", {"filters": [{"module": "safelrm.nowhere"}]}, "there is no module `safelrm.nowhere`"),
        ("distillations", "own", {"prompts": ["none"]}, "own.prompts: `none` is not in `datasets`"),
        ("distillations", "own", {"teacher": {"checkpoint": {"model": "x", "max_model_length": 9}}}, "not in `models`"),
        (
            "distillations",
            "own",
            {"teacher": {"checkpoint": {"model": "nano_a", "arm": "sft-no", "max_model_length": 9}}},
            "`no` is not a recipe of `sft`",
        ),
        (
            "distillations",
            "own",
            {"teacher": {"checkpoint": {"model": "nano_a", "decoding": "no", "max_model_length": 9}}},
            "has no decoding mode `no`",
        ),
        (
            "distillations",
            "own",
            {"teacher": {"checkpoint": {"model": "nano_b", "arm": "sft-direct", "max_model_length": 9}}},
            "trained on its own responses",
        ),
    ],
)
def test_a_fault_is_named_with_its_key(section, entry, changes, said):
    config = selection_config()
    config[section][entry] = config[section][entry] | changes
    with pytest.raises(SafeLRMError) as error:
        load(config)
    assert said in str(error.value)


def test_a_selection_has_no_name_of_a_data_set():
    config = selection_config()
    config["selections"]["star1"] = config["selections"]["direct"]
    with pytest.raises(SafeLRMError, match=r"selections\.star1: is the name of a data set, too"):
        load(config)


def test_more_samples_take_longer_and_an_endpoint_asks():
    def costs(**changes: object) -> Costs:
        config = selection_config()
        config["distillations"]["own"] |= changes
        config["arms"] = config["arms"][-1:]
        return Costs(load(config))

    few, many = costs(), costs(samples=16)
    trained = {"model": "nano_b", "recipe": "direct", "start": "", "seed": "1"}
    for rule, of in (("distill", OWN), ("judge_distilled", {"judge": "guard_a", "distillation": "own"})):
        assert many.job(rule, of).seconds > few.job(rule, of).seconds
    # one sample of each prompt is kept
    assert many.job("sft", trained) == few.job("sft", trained)
    asked = costs(teacher={"endpoint": {"url": "https://a.example/v1", "model": "m"}}).job("distill", OWN).asks
    assert asked.questions > 0


def test_the_trail_of_a_number_names_the_teacher_and_what_has_selected(plan):
    lines = [line.split()[:2] for line in trail_of_selection("direct", plan)]
    assert [title for title, _ in lines] == [
        *("distilled", "teacher", "prompts", "prompts", "distillation", "verdicts", "selection")
    ]
    assert lines[1][1] == "checkpoints/nano_a/base/seed0/manifest.json"


def test_what_rules_have_written_is_built_in_whoever_has_taught_it():
    def marked(teacher: dict, **changes: object) -> list[str]:
        config = selection_config()
        own = {key: value for key, value in config["distillations"]["own"].items() if key != "sampling"}
        config["distillations"]["own"] = own | {"teacher": teacher, **changes}
        return built_in_arms(load(config | {"arms": config["arms"][-1:]}))

    sampled = LIMITS["sampling"]
    assert marked({"checkpoint": {"model": "nano_a", "max_model_length": 192}}, sampling=sampled) == []
    assert marked({"module": "safelrm.nano.writer"}) == ["sft-direct"]
    # a teacher that was trained on such data
    assert marked(TAUGHT, sampling=sampled) == ["sft-direct"]


def test_a_distillation_and_its_selection_are_a_part_of_the_training():
    study = load(selection_config())
    assert {"distillation `own`", "selection `direct`"} <= {*recipes(study, "sft-direct")}
    assert training_sets(study, "sft-direct") == ["rl_harmful", "rl_dial"]
    assert LIMITS["seed"] == study.distillations["own"].seed
