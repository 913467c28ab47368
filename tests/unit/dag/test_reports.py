"""Figures, tables and trace analyses of a configuration: which there are, what they read, and what is refused."""

import pytest
from costs_fixtures import ROOT, costs, default_config, large
from distilled_fixtures import selection_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag import reports
from safelrm.dag.costs import jobs
from safelrm.dag.plan import Plan
from safelrm.dag.reports import OF_ANALYSES, input_files
from safelrm.dag.stages import reports as stages
from safelrm.dag.study import load_study
from safelrm.reporting.inputs import READERS
from safelrm.reporting.settings import FIGURES, TABLES

LENGTHS = "safelrm.analysis.traces.lengths"
TRADEOFF = "safelrm.reporting.plots.tradeoff"
PROBE = {
    "prompts": [{"dataset": "tune_harmful", "size": 20}],
    "rewards": [{"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["guard_a"]}],
    "times": 4,
    "max_completion_tokens": 64,
}


@pytest.fixture
def config() -> dict:
    return default_config()


def plan(config: dict, **sections: object) -> Plan:
    return Plan(load_study(config | sections, "config.yaml"))


def names(targets: list[str]) -> list[str]:
    return [path.rpartition("/")[2].partition(".")[0] for path in targets]


def message(config: dict, **sections: object) -> str:
    with pytest.raises(SafeLRMError) as caught:
        plan(config, **sections)
    return str(caught.value)


def test_a_study_adds_a_figure_without_naming_the_others(config):
    found = plan(config, figures={"mine": {"module": TRADEOFF}})
    assert names(found.figures.targets()) == [*FIGURES, "mine"]
    assert found.figures.module({"figure": "mine"}) == TRADEOFF


def test_a_study_leaves_a_figure_and_a_table_out(config):
    found = plan(config, figures={"thinking": None}, tables={"summary": None})
    assert names(found.figures.targets()) == [name for name in FIGURES if name != "thinking"]
    assert names(found.tables.targets()) == [name for name in TABLES if name != "summary"]


def test_a_study_replaces_the_module_of_a_figure(config):
    found = plan(config, figures={"thinking": {"module": TRADEOFF}})
    assert names(found.figures.targets()) == list(FIGURES)
    assert found.figures.module({"figure": "thinking"}) == TRADEOFF


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        (lambda config: config["metrics"].pop("reference_model"), {"safety_gap"}),
        (lambda config: config["models"]["nano_b"].pop("decodings"), {"thinking", "decodings"}),
        (lambda config: config.update(arms=[a for a in config["arms"] if a["method"] != "sft"]), {"sft_gain"}),
        (lambda config: config["analyses"].pop("base_likelihood"), {"collapse"}),
        (lambda config: config.pop("analyses"), {"measures", "collapse"}),
        (
            lambda config: config.update(arms=[a for a in config["arms"] if a["method"] != "base"]),
            {"safety_gap", "trace_vs_answer", "thinking", "sft_gain", "consistency", "power"},
        ),
        (
            lambda config: config.update(arms=[a for a in config["arms"] if a["model"] == "nano_i"]),
            {"safety_gap", "trace_vs_answer", "thinking", "sft_gain", "decodings", "consistency", "power"},
        ),
    ],
)
def test_what_has_nothing_to_show_is_not_made(config, change, lost):
    change(config)
    found = plan(config)
    made = {*names(found.figures.targets()), *names(found.tables.targets())}
    assert made == {*FIGURES, *TABLES} - lost


def test_a_study_without_arms_has_no_figures(config):
    found = plan(config, arms=[], validation={})
    assert not found.figures.targets() + found.tables.targets() + found.analyses.targets()


def test_a_figure_has_the_inputs_that_it_declares(config):
    figures = plan(config).figures
    assert figures.files({"figure": "tradeoff"}) == ["results/nano/metrics.parquet", "results/nano/seeds.parquet"]
    assert figures.inputs({"figure": "sft_gain"}) == ["metrics:1", "seeds:1", "differences:1"]


def test_every_input_of_a_study_can_be_read(config):
    config["rl"]["grpo"]["probe"] = PROBE
    sections = {"analyses": {"lengths": {"module": LENGTHS}}, "monitor": {"judges": ["oracle"]}}
    sections["memorisation"] = {"datasets": ["star1"], "models": ["nano_a"]}
    sections["trajectories"] = {"guard": "guard_b", "models": ["nano_b"], "benchmarks": ["requests_harmful"]}
    sections["entropies"] = {"benchmarks": ["requests_harmful"]}
    selected = selection_config()
    sections |= {name: selected[name] for name in ("distillations", "selections", "sft", "arms")}
    config["judges"]["patterns"] = {"module": "safelrm.nano.patterns_judge"}
    study = load_study(config | sections, "config.yaml")
    files = input_files(study)
    assert {name for name in files if not name.startswith("analyses.")} == set(READERS)
    assert files["analyses.lengths"] == [f"results/nano/analyses/lengths/nano_{name}.parquet" for name in "abi"]
    # one training curve of a base, whatever its seeds
    assert len(files["curves"]) == 3 + 30 + len(selected["arms"][-1]["seeds"])


def test_the_code_of_a_figure_is_that_of_its_own_module(config):
    found = plan(config, figures={"mine": {"module": TRADEOFF}}).figures
    codes = {name: found.code_of({"figure": name}) for name in (*FIGURES, "mine")}
    assert codes["mine"] == codes["tradeoff"]
    assert len(set(codes.values())) == len(FIGURES)


def test_an_analysis_adds_its_means_and_their_table(config):
    found = plan(config, analyses={"lengths": {"module": LENGTHS, "settings": {"words": 3}}})
    of = {"analysis": "lengths", "model": "nano_a"}
    assert found.analyses.targets() == ["results/nano/measures.parquet"]
    assert names(found.tables.targets())[-1] == "measures"
    assert len(found.analyses.rollouts(of)) == 1 + 15
    assert found.analyses.settings(of) == '{"words":3}'
    assert found.analyses.verdicts(of) == found.analyses.checkpoints(of) == []
    assert found.analyses.decodings(of) == "{}"
    assert '"distinct_ngrams":true' in found.analyses.declared(of)
    assert "results/nano/analyses/lengths/nano_i.parquet" in found.published_files()


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"figures": {"thinkng": None}}, ("figures", "did you mean `thinking`")),
        ({"figures": {"mine": {}}}, ("figures.mine.module", "Field required")),
        ({"figures": {"mine": {"module": TRADEOFF, "setings": {}}}}, ("figures.mine.setings",)),
        ({"figures": ["mine"]}, ("figures",)),
        ({"figures": {"mine": {"module": "safelrm.plots.mine"}}}, ("figures.mine", "safelrm.plots.mine")),
        ({"figures": {"mine": {"module": "safelrm.judging.refusal"}}}, ("figures.mine", "CAPTION", "draw")),
        ({"figures": {"tradeoff": {"settings": {"width": 3}}}}, ("figures.tradeoff.settings: width",)),
        ({"tables": {"differences": {"module": TRADEOFF}}}, ("tables", "the workflow makes `differences` itself")),
        ({"tables": {"mine": {"module": TRADEOFF}}}, ("tables.mine", "['rows']")),
        ({"analyses": {"mine": {"module": TRADEOFF}}}, ("analyses.mine", "MEASURES", "analyse")),
        ({"analyses": {"mine": {"module": LENGTHS, "settings": {"words": 0}}}}, ("analyses.mine.settings: words",)),
        (
            {"analyses": {"mine": {"module": LENGTHS, "judges": ["exact"]}}},
            ("analyses.mine", LENGTHS, "judges", "no verdicts"),
        ),
        ({"analyses": {"mine": {"module": LENGTHS, "judges": ["exct"]}}}, ("did you mean `exact`",)),
    ],
)
def test_a_fault_is_one_clear_message(config, sections, expected):
    said = message(config, **sections)
    assert all(part in said for part in ("config.yaml", "fix:", *expected)), said


def test_an_input_that_the_study_does_not_have_is_named(config, monkeypatch):
    monkeypatch.setattr(reports, "has_something_to_show", lambda module, study: True)
    del config["analyses"]
    said = message(config)
    assert "tables.measures: safelrm.reporting.sheets.measures: INPUTS: there is no input `measures`" in said


def test_an_analysis_of_a_large_model_asks_for_memory_of_its_rollouts(config):
    sections = {"analyses": {"lengths": {"module": LENGTHS}}}
    of = {"analysis": "lengths", "model": "nano_a"}
    few = costs(config | sections).job("analyse", of)
    config["rollouts"]["samples"] = 8
    many = costs(large(config) | sections).job("analyse", of)
    assert few.gpus == many.gpus == 0
    assert many.host > few.host


def test_an_analysis_of_checkpoints_asks_for_a_gpu_where_there_are_some(config, monkeypatch):
    monkeypatch.setattr(jobs, "declared_inputs", lambda module, known: ("rollouts", "checkpoints"))
    sections = {"analyses": {"lengths": {"module": LENGTHS}}}
    of = {"analysis": "lengths", "model": "nano_a"}
    assert costs(config | sections).job("analyse", of).gpus == 0
    assert costs(large(config) | sections).job("analyse", of).gpus == 1


def test_an_analysis_gets_the_checkpoints_and_verdicts_that_it_declares(config, monkeypatch):
    takes = ("rollouts", "verdicts", "checkpoints", "decodings")
    for module in (stages, reports):
        monkeypatch.setattr(
            module, "declared_inputs", lambda path, known: takes if known == OF_ANALYSES else ("samples",)
        )
    found = plan(config, analyses={"lengths": {"module": LENGTHS, "judges": ["exact", "oracle"]}}).analyses
    of = {"analysis": "lengths", "model": "nano_i"}
    assert found.verdicts(of) == [f"results/nano/verdicts/{name}/nano_i.parquet" for name in ("exact", "oracle")]
    assert found.checkpoints(of) == ["checkpoints/nano_i/base/seed0/manifest.json"]
    named = found.named_checkpoints(of)
    assert named == [f"base/{seed}=checkpoints/nano_i/base/seed0/manifest.json" for seed in (0, 1)]
    assert found.decodings(of) == '{"default":{}}'
    assert '"non_thinking":{"enable_thinking":false}' in found.decodings(of | {"model": "nano_b"})


def test_what_is_made_from_texts_cannot_be_made_from_published_results(config, monkeypatch):
    # training curves are not published
    found = plan(config, figures={"rl_curves": {"module": "safelrm.reporting.plots.rl_curves"}})
    assert found.not_remade() == ["results/nano/figures/rl_curves.svg"]
    monkeypatch.setattr(stages, "declared_inputs", lambda path, known: ("metrics", "rollouts"))
    assert found.not_remade() == [*found.tables.targets(), *found.figures.targets()]


def test_no_rule_and_no_plan_names_a_figure_or_a_table():
    files = [*(ROOT / "workflow/rules").glob("*.smk"), *(ROOT / "workflow/safelrm/dag").rglob("*.py")]
    text = "".join(path.read_text() for path in files)
    assert [name for name in (*FIGURES, "safety_by_category") if f"{name}" in text] == []


def test_a_monitor_judges_the_answers_to_probes(config):
    monitored = {
        "monitor": {"judges": ["guard_b", "oracle"]},
        "figures": {
            "reward_hacking": {
                "module": "safelrm.reporting.plots.reward_hacking",
                "settings": {"reward": "guard_a", "evaluation": "guard_b"},
            }
        },
    }
    found = plan(config, **monitored)
    assert "reward_hacking" not in names(found.figures.targets())
    assert not [path for path in found.targets() if "/probes/" in path]
    alone = jobs.Estimates(found.study).job("rl", {"model": "nano_a", "recipe": "grpo"})
    config["rl"]["grpo"]["probe"] = PROBE
    found = plan(config, **monitored)
    judged = {f"results/nano/probes/{judge}/nano_{one}.parquet" for judge in ("guard_b", "oracle") for one in "ab"}
    assert judged <= {*found.targets()}
    assert "reward_hacking" in names(found.figures.targets())
    assert names(found.figures.not_remade()) == ["reward_hacking"]
    probes = found.judging.probed({"model": "nano_a", "judge": "oracle"})
    assert probes == [f"results/probes/nano_a/rl-grpo/seed{seed}.parquet" for seed in (1, 2, 3)]
    assert {*probes} < {*found.figures.files({"figure": "reward_hacking"})}
    assert jobs.Estimates(found.study).job("rl", {"model": "nano_a", "recipe": "grpo"}).seconds > alone.seconds
    assert "monitor.judges: `guard_c` is not in `judges`" in message(config, monitor={"judges": ["guard_c"]})
