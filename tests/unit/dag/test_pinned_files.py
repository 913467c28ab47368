"""What DVC pins of a study is what its targets are made from, and nothing that a configuration names beside that."""

import pytest
from costs_fixtures import default_config
from fields_fixtures import CHAT, SETTINGS

from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study, read_config
from safelrm.operations.pinned import published_studies
from workflow_runs import ROOT

PUBLISHED = published_studies(ROOT / "results/published")
BASE_I, CORPUS_I = "checkpoints/nano_i/base/seed0/manifest.json", "data/pretraining_i.parquet"
GUARD_C, LABELS_C = "checkpoints/guards/guard_c/manifest.json", "data/labels_c.parquet"
REFINED = {"source": "safelrm.data.refine", "settings": {"dataset": "star1", "overlap_with": ["requests_harmful"]}}
# of a guard that a term of a reward reads
REWARD = {"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["guard_c"]}
CANDIDATES = {
    **{"prompts": ["rl_harmful"], "rewards": [REWARD], "samples": 4},
    **{"max_tokens": 64, "max_model_length": 192},
}
PAIRS = {
    **{"candidates": "four", "min_margin": 0.2, "beta": 0.3, "epochs": 1},
    **{"batch_size": 4, "learning_rate": 1e-4, "max_length": 128},
}


def without_nano_i() -> dict:
    """The default study without the arm of nano_i, which `models` still names."""
    config = default_config()
    config["arms"] = [arm for arm in config["arms"] if arm["model"] != "nano_i"]
    config["metrics"]["reference_model"] = None
    return config


def with_guard_c() -> dict:
    """The default study with another guard, with labels of its own, and its judge."""
    config = default_config()
    config["datasets"]["labels_c"] = config["datasets"]["guard_labels_b"]
    inputs = config["guards"]["guard_b"]["inputs"] | {"labels": "labels_c"}
    config["guards"]["guard_c"] = config["guards"]["guard_b"] | {"inputs": inputs}
    config["judges"]["guard_c"] = {"module": "safelrm.judging.guard", "guard": "guard_c"}
    return config


def pinned(config: dict) -> list[str]:
    found = Plan(load_study(config, "config.yaml")).pinned_files()
    assert len(found) == len({*found})
    return found


def test_a_model_without_arms_is_not_pinned_and_neither_is_its_corpus():
    assert {BASE_I, CORPUS_I} <= {*pinned(default_config())}
    left = {*pinned(default_config())} - {*pinned(without_nano_i())}
    assert left == {BASE_I, CORPUS_I, "rollouts/nano_i/base/seed1.parquet"}


@pytest.mark.parametrize(
    "changes",
    [
        {"memorisation": {"datasets": ["star1"], "models": ["nano_i"]}},
        # a chat model that judges
        {
            "judges": {"rubric": {"module": CHAT, "model": "nano_i", "settings": SETTINGS}},
            "validation": {"rubric": {"judges": ["rubric.safe"], "reference": "oracle"}},
        },
    ],
    ids=["memorisation", "judge"],
)
def test_a_base_that_is_read_without_having_arms_is_pinned_with_its_corpus(changes):
    config = without_nano_i()
    for key, value in changes.items():
        config[key] = config.get(key, {}) | value
    assert {BASE_I, CORPUS_I} <= {*pinned(config)}


def test_a_guard_whose_judge_nothing_reads_is_not_pinned():
    assert pinned(with_guard_c()) == pinned(default_config())


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("calibration", {"reference": "oracle", "judges": ["guard_c"]}),
        ("validation", {"guards": {"judges": ["guard_c"], "reference": "oracle"}}),
        ("metrics", {"more": {"other": {"judge": "guard_c", "kinds": ["harmful"]}}}),
        ("trajectories", {"guard": "guard_c", "models": ["nano_b"], "benchmarks": ["requests_harmful"], "prompts": 4}),
        ("candidates", {"four": CANDIDATES}),
        ("tables", {"all": {"module": "gazette.verdicts"}}),
    ],
)
def test_a_guard_is_pinned_with_its_labels_once_something_reads_it(section, value, tmp_path, monkeypatch):
    config = with_guard_c()
    config[section] = config.get(section, {}) | value
    if section == "candidates":
        config["dpo"] = {"pairs": PAIRS}
        assert GUARD_C not in pinned(config)
        config["arms"].append({"model": "nano_a", "method": "dpo", "recipe": "pairs", "seeds": [1]})
    if section == "tables":
        (tmp_path / "gazette").mkdir()
        (tmp_path / "gazette/verdicts.py").write_text(
            'INPUTS = ("verdicts",)\nCAPTION = "x"\n\n\ndef rows(results):\n    return results["verdicts"]\n'
        )
        config["plugins"] = [str(tmp_path)]
    assert {GUARD_C, LABELS_C} <= {*pinned(config)}


def test_what_was_dropped_of_a_refined_data_set_is_pinned_beside_it_if_the_set_is_used():
    config = default_config()
    config["datasets"]["clean"] = REFINED
    assert pinned(config) == pinned(default_config())
    config["curation"] = {"datasets": ["clean", "requests_harmful"]}
    assert {*pinned(config)} - {*pinned(default_config())} == {"data/clean.parquet", "data/dropped/clean.csv"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_study_has_pinned_what_its_configuration_names(name):
    study = PUBLISHED[name]
    assert not study.config
    config = read_config([ROOT / path for path in study.configfiles], {})
    # a manifest stands for the model beside it
    named = {path for path in study.files if "/model/" not in path}
    assert {*Plan(load_study(config, name)).pinned_files()} == named
