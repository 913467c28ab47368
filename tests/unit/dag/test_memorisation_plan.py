"""Min-K% in the plan of a study: its jobs, what they read, what is published, and what is refused."""

import json

import pytest
from costs_fixtures import costs, default_config
from distilled_fixtures import selection_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study

KNOWN = {"nano_a": {"members": ["matched_a"], "others": ["distillation"]}}
MEMORISATION = {"datasets": ["star1"], "models": ["nano_a", "nano_b"], "known": KNOWN, "k": 40}
REPORTS = {
    "tables": {"min_k": {"module": "safelrm.reporting.sheets.min_k"}},
    "figures": {"min_k": {"module": "safelrm.reporting.plots.min_k"}},
}


@pytest.fixture
def config() -> dict:
    return default_config() | {"memorisation": MEMORISATION} | REPORTS


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(load_study(default_config() | {"memorisation": MEMORISATION} | REPORTS, "config.yaml"))


def test_a_base_reads_the_data_sets_that_it_is_asked_about(plan):
    found = plan.memorisation
    of = {"model": "nano_a"}
    assert found.data(of) == [f"data/{name}.parquet" for name in ("star1", "matched_a", "distillation")]
    assert found.named_data({"model": "nano_b"}) == ["star1=data/star1.parquet"]
    assert json.loads(found.members(of)) == {"matched_a": True, "distillation": False}
    assert json.loads(found.members({"model": "nano_b"})) == {}
    assert found.checkpoint(of) == "checkpoints/nano_a/base/seed0/manifest.json"
    assert json.loads(found.min_k_settings())["k"] == 40
    assert json.loads(found.settings()) == {"bootstrap_samples": 2000, "confidence": 0.95}


def test_a_module_that_knows_what_a_base_was_trained_on_is_given_what_it_reads(config):
    known = {"nano_a": {"module": "safelrm.nano.pretraining.drawn", "size": 300}}
    config["memorisation"] = MEMORISATION | {"known": known}
    found = Plan(load_study(config, "config.yaml")).memorisation
    of, other = {"model": "nano_a"}, {"model": "nano_b"}
    assert found.known_files(of) == ["data/pretraining_a.parquet", "results/training/nano_a/base/seed0.parquet"]
    told = json.loads(found.known(of))
    assert told["inputs"] == {"corpus": "data/pretraining_a.parquet"} and told["size"] == 300
    assert told["settings"]["optimisation"]["batch_size"] == 32 and told["seed"] == 1
    assert found.known_files(other) == [] and found.known(other) == ""
    assert found.data(of) == ["data/star1.parquet"]
    # an edit of the module runs again what uses it
    assert found.code_of(of) != found.code_of(other)


def test_its_results_are_made_published_and_shown(plan, config):
    made = {f"results/nano/{name}" for name in ("memorisation.parquet", "tables/min_k.md", "figures/min_k.svg")}
    assert made <= set(plan.targets())
    assert {f"results/nano/min_k/nano_{name}.parquet" for name in "ab"} <= set(plan.published_files())
    assert plan.tables.files({"table": "min_k"}) == ["results/nano/memorisation.parquet"]
    assert plan.not_remade() == []
    costs_of = costs(config).job("min_k", {"model": "nano_a"})
    assert 5 < costs_of.seconds < 60


def test_a_study_without_it_is_as_before():
    plan = Plan(load_study(default_config(), "config.yaml"))
    assert plan.memorisation.targets() == plan.memorisation.tables() == []
    assert plan.memorisation.settings() == "{}"
    assert not any("min_k" in path for path in plan.published_files())


def test_a_selection_is_read_like_a_data_set():
    config = selection_config()
    config["arms"] = config["arms"][:-1]
    config["memorisation"] = {"datasets": ["star1", "direct"], "models": ["nano_b"]}
    plan, of = Plan(load_study(config, "config.yaml")), {"model": "nano_b"}
    assert plan.memorisation.named_data(of) == ["star1=data/star1.parquet", "direct=data/selected/direct.parquet"]
    assert plan.memorisation.data(of) == ["data/star1.parquet", "data/selected/direct.parquet"]
    assert "data/selected/direct.parquet" in plan.pinned_files()
    assert costs(config).job("min_k", of).seconds > 5


def test_its_data_sets_are_pinned(plan, config):
    assert "data/spare.parquet" not in plan.pinned_files()
    spare = {"source": "safelrm.nano.sources.star1", "settings": {"size": 3, "seed": 99}}
    config["datasets"] = config["datasets"] | {"spare": spare}
    config["memorisation"] = MEMORISATION | {"datasets": ["spare"]}
    assert "data/spare.parquet" in Plan(load_study(config, "config.yaml")).pinned_files()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"datasets": ["star2"]}, "memorisation.datasets: `star2` is not in `datasets`"),
        ({"models": ["nano_a", "nano_x"]}, "memorisation.models: `nano_x`"),
        (
            {"known": {"nano_a": {"module": "safelrm.nano.pretraining.draws"}}},
            "no module `safelrm.nano.pretraining.draws`",
        ),
        ({"known": {"nano_a": {"module": "safelrm.nano.pretraining.loop"}}}, "has no ['texts']"),
        ({"known": {"nano_a": {"members": ["matched_x"], "others": ["distillation"]}}}, "known.nano_a.members"),
    ],
)
def test_unknown_names_are_told(config, changes, said):
    config["memorisation"] = MEMORISATION | changes
    with pytest.raises(SafeLRMError) as error:
        load_study(config, "config.yaml")
    assert said in str(error.value)
