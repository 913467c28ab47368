"""Safety trajectories in the plan of a study: jobs, inputs, what is published and shown, and what is refused."""

import json

import pytest
import yaml
from costs_fixtures import ROOT, costs, default_config, large
from distilled_fixtures import selection_config
from snakemake.utils import update_config

from safelrm.analysis.markers import marker_pattern, places
from safelrm.analysis.trajectory_settings import TrajectoryJobSettings
from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.nano.world.dialects import DIALECTS

ASKED = {"guard": "guard_b", "models": ["nano_a", "nano_b"], "benchmarks": ["requests_harmful", "dial_trained"]}
OF = {"model": "nano_b"}


def example() -> dict:
    """The study of experiments/nano_traces.yaml."""
    config = default_config()
    update_config(config, yaml.safe_load((ROOT / "experiments/nano_traces.yaml").read_text()))
    return config


def message(config: dict) -> str:
    with pytest.raises(SafeLRMError) as caught:
        load_study(config, "config.yaml")
    return str(caught.value)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(load_study(example(), "config.yaml"))


def test_a_job_reads_all_runs_of_a_model_with_the_guard(plan):
    found = plan.trajectories
    assert len(found.rollouts(OF)) == 1 + 15 and all("rollouts/nano_b/" in path for path in found.rollouts(OF))
    assert found.guard() == ["checkpoints/guards/guard_b/manifest.json"]
    told = TrajectoryJobSettings.model_validate_json(found.settings(OF))
    assert told.reading == plan.study.guards["guard_b"].reading and told.prompts == 40
    assert "models" not in json.loads(found.settings(OF))


def test_its_results_are_made_published_and_shown(plan):
    results = "results/nano_traces"
    made = {f"{results}/trajectory/nano_{name}.parquet" for name in "ab"}
    made |= {f"{results}/{name}" for name in ("tables/reflection.md", "figures/reflection.svg")}
    assert made | {f"{results}/figures/trajectory.svg"} <= set(plan.targets())
    assert made <= set(plan.published_files())
    assert plan.tables.inputs({"table": "reflection"}) == ["analyses.reflection:3", "trajectories:2"]
    assert plan.figures.inputs({"figure": "trajectory"}) == ["trajectories:2"]
    # a clone with published results makes them again
    assert plan.not_remade() == []


def test_a_study_without_it_is_as_before():
    plan = Plan(load_study(default_config(), "config.yaml"))
    assert plan.trajectories.tables() == plan.trajectories.guard() == []
    assert plan.trajectories.settings(OF) == "{}"
    assert not any("trajectory" in path for path in plan.targets())


def test_figures_are_left_out_where_nothing_is_read():
    config = example()
    config["trajectories"] = None
    assert not any(name in path for path in Plan(load_study(config, "f")).targets() for name in ("reflection.", "tory"))


def test_what_it_takes_is_estimated_here_and_on_gpus():
    here = costs(example()).job("trajectory", OF)
    assert 5 < here.seconds < 300
    more = example()
    more["trajectories"]["prompts"] = 10
    assert costs(more).job("trajectory", OF).seconds < here.seconds
    on_gpus = large(example())
    for guard in on_gpus["guards"]:
        hub = {"repo": f"owner/{guard}", "revision": "0" * 40, "shape": on_gpus["models"]["nano_a"]["hub"]["shape"]}
        on_gpus["guards"][guard] = {"hub": hub, "reading": "llama_guard_3"}
    assert costs(on_gpus).job("trajectory", OF).gpus == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"guard": "guard_c"}, "trajectories.guard: `guard_c` is not in `guards`"),
        ({"models": ["nano_x"]}, "trajectories.models: `nano_x` is not in `models`"),
        ({"benchmarks": ["requests"]}, "trajectories.benchmarks: `requests` is not in `benchmarks`"),
        ({"promts": 3}, "did you mean `prompts`"),
        ({"guard": "guard_a"}, "trajectories.guard: `guard_a` is the guard that rewards, `guard_a`"),
    ],
)
def test_names_that_are_not_there_and_a_guard_that_rewards_are_refused(changes, said):
    assert said in message(default_config() | {"trajectories": ASKED | changes})


def test_a_model_without_arms_is_refused():
    config = default_config() | {"trajectories": ASKED}
    config["arms"] = [arm for arm in config["arms"] if arm["model"] != "nano_b"]
    assert "trajectories.models: ['nano_b'] have no arms" in message(config)


def test_a_guard_that_rewards_is_known_under_another_name():
    config = default_config() | {"trajectories": ASKED | {"guard": "twin"}}
    config["guards"]["twin"] = config["guards"]["guard_a"]
    assert "`twin` is the guard that rewards, `guard_a`: it would read what it has taught" in message(config)


def test_a_guard_whose_judge_selects_is_refused():
    config = selection_config() | {"trajectories": ASKED | {"guard": "guard_a", "models": ["nano_b"]}}
    config["arms"] = [arm for arm in config["arms"] if arm["method"] != "rl"]
    assert "`guard_a` is the guard that selects what is trained on" in message(config)
    config["trajectories"]["guard"] = "guard_b"
    load_study(config, "config.yaml")


def test_the_nano_markers_are_the_words_with_which_its_models_reconsider():
    markers = example()["trajectories"]["markers"]
    assert markers == example()["analyses"]["reflection"]["settings"]["markers"]
    pattern = marker_pattern(markers)
    for dialect in DIALECTS.values():
        for said in (dialect.second_thoughts, dialect.recheck, dialect.hunch):
            assert len(places(said, pattern)) == 1, said
        # nothing else in a trace counts, but for second thoughts about a tool
        plain = (*dialect.openings[:1], dialect.rule, dialect.harmful, dialect.fine, dialect.decline, dialect.help)
        assert not any(places(said, pattern) for said in plain)
        assert sum(bool(places(said, pattern)) for said in dialect.musings) == len(dialect.musings) - 1
    spoken = [said for dialect in DIALECTS.values() for said in dialect.statements]
    assert all(any(places(said, marker_pattern([marker])) for said in spoken) for marker in markers)
