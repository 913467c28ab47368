"""Judges of risky patterns in a study: their fields, what they ask, and what reads their verdicts."""

import json

import pytest
from costs_fixtures import default_config
from distilled_fixtures import selection_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag.costs.jobs import Estimates
from safelrm.dag.plan import Plan
from safelrm.dag.reports import input_files
from safelrm.dag.study import load_study
from safelrm.judging.pattern_flags import FLAGS

RUBRIC = {
    "module": "safelrm.judging.patterns",
    "settings": {"endpoint": {"url": "http://localhost", "model": "m"}},
}
TRUTH = {"module": "safelrm.nano.patterns_judge"}
TABLE = {"risky_patterns": {"module": "safelrm.reporting.sheets.risky_patterns"}}


def with_reader(config: dict) -> dict:
    """The study with a trained reader of patterns, a judge that asks it, and the truth beside it."""
    config["datasets"]["pattern_labels"] = {
        "source": "safelrm.nano.sources.pattern_labels",
        "settings": {"size": 100, "seed": 1},
    }
    reader = config["guards"]["guard_a"]
    inputs = {"corpus": "guard_facts", "labels": "pattern_labels"}
    config["guards"]["patterns_reader"] = reader | {"inputs": inputs, "seed": 5}
    config["judges"] |= {
        "truth": TRUTH,
        "learned": {"module": "safelrm.nano.learned_patterns", "guard": "patterns_reader"},
    }
    config["validation"]["lack"] = {
        **{"judges": ["learned.lack_of_safety_awareness"], "reference": "truth.lack_of_safety_awareness"},
        "parts": ["t"],
    }
    return config


def plan(config: dict) -> Plan:
    return Plan(load_study(config, "config.yaml"))


def test_a_trained_reader_is_a_guard_whose_judge_is_validated_by_the_truth():
    found = plan(with_reader(default_config()))
    assert found.judging.asked({"judge": "learned"}) == ["checkpoints/guards/patterns_reader/manifest.json"]
    settings = json.loads(found.judging.judge_settings({"judge": "learned"}))
    assert settings["reading"]["max_length"] == 240
    assert {*settings["fields"]} == {*FLAGS}
    compared = found.judging.validated_verdicts({"validation": "lack"})
    assert {path.split("/")[3] for path in compared} == {"learned", "truth"}


def test_a_flag_is_a_metric_of_a_part_that_is_judged():
    config = default_config()
    config["judges"]["patterns"] = RUBRIC
    config["metrics"]["more"] = {
        "disagrees": {"judge": "patterns.inconsistency", "kinds": ["harmful"], "parts": ["t+y"]},
        "unread": {"judge": "patterns.reply", "kinds": ["harmful"], "verdict": "no_json"},
    }
    more = plan(config).study.metrics.more
    assert (more["disagrees"].verdict, more["disagrees"].direction) == ("present", "lower")
    assert (more["unread"].verdict, more["unread"].direction) == ("no_json", "lower")
    config["judges"]["patterns"] = {**RUBRIC, "settings": RUBRIC["settings"] | {"parts": ["t"]}}
    with pytest.raises(SafeLRMError, match="does not judge parts"):
        plan(config)


def test_the_plan_counts_both_questions_about_each_harmful_prompt():
    config = default_config()
    asked = []
    for parts in (["t"], ["t", "t+y"]):
        config["judges"]["patterns"] = {**RUBRIC, "settings": RUBRIC["settings"] | {"parts": parts}}
        study = load_study(config, "config.yaml")
        asked.append(Estimates(study).job("judge", {"judge": "patterns", "model": "nano_a"}).asks)
    of_traces, of_all = asked
    assert of_all.questions == 2 * of_traces.questions > 0
    # the words of the question alone are more
    assert of_traces.question_tokens > 400 * of_traces.questions


def test_every_judge_of_patterns_reads_what_is_distilled_for_the_table():
    config = with_reader(selection_config()) | {"tables": TABLE}
    study = load_study(config, "config.yaml")
    files = input_files(study)
    assert files["pattern_verdicts"] == [
        f"results/nano/distilled/{judge}/own.parquet" for judge in ("truth", "learned")
    ]
    assert files["selections"] == ["results/selections/direct.parquet"]
    assert "results/nano/tables/risky_patterns.md" in Plan(study).tables.targets()
    # it reads what is not published, so a clone does not make it again
    assert [path for path in Plan(study).tables.not_remade() if "risky_patterns" in path]


def test_selections_with_other_traces_than_those_that_were_judged_are_left_out():
    config = with_reader(selection_config()) | {"tables": TABLE}
    config["selections"]["emptied"] = config["selections"]["direct"] | {"traces": "emptied"}
    config["sft"]["emptied"] = config["sft"]["direct"] | {"dataset": "emptied"}
    config["arms"].append({"model": "nano_b", "method": "sft", "recipe": "emptied", "seeds": [1]})
    assert input_files(load_study(config, "config.yaml"))["selections"] == ["results/selections/direct.parquet"]


def test_without_selections_or_judges_of_patterns_there_is_no_table():
    for config in (with_reader(default_config()), selection_config()):
        study = load_study(config | {"tables": TABLE}, "config.yaml")
        assert "pattern_verdicts" not in input_files(study)
        assert "results/nano/tables/risky_patterns.md" not in Plan(study).tables.targets()
