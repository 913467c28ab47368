"""Captions say how answers were made, and whether settings are chosen by the numbers."""

import pytest
from costs_fixtures import default_config

from safelrm.dag.plan import Plan
from safelrm.dag.protocol import TUNED, protocol
from safelrm.dag.study import load_study

PLAIN = "No instruction is added to prompts. Sampling: temperature 1, top-p 1; 1 sample per prompt, at most 96 tokens."


@pytest.fixture
def config() -> dict:
    return default_config()


def said(config: dict) -> str:
    return protocol(load_study(config, "config.yaml"))


def test_a_plain_protocol_is_two_sentences(config):
    config["rollouts"] |= {"temperature": 1.0, "max_tokens": 96}
    assert said(config) == PLAIN


def test_what_differs_by_mode_and_benchmark_is_named(config):
    config["rollouts"] |= {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "max_tokens": 96, "samples": 4}
    config["models"]["nano_b"]["decodings"]["thinking"] |= {"sampling": {"temperature": 0.7}}
    box = {"instruction": "Write the answer\nin \\boxed{}."}
    config["benchmarks"] = [
        "requests_harmful",
        {"dataset": "dial_trained", **box},
        {"dataset": "dial_longer", "max_tokens": 200, "samples": 8, "sampling": {"top_p": 0.8}, **box},
    ]
    config["audit"] = None
    text = said(config)
    assert text == (
        "Added to the prompts of dial_trained, dial_longer: ``Write the answer in \\boxed{}.``. Sampling: temperature"
        " 0.6, top-p 0.95, top-k 20; 4 samples per prompt, at most 96 tokens; nano_b in mode thinking: temperature 0.7;"
        " dial_longer: top-p 0.8, 8 samples per prompt, at most 200 tokens."
    )


def test_captions_of_figures_and_tables_hold_it(config):
    plan = Plan(load_study(config, "config.yaml"))
    for captions in (plan.figures.captions(), plan.tables.captions()):
        assert captions and all(
            "\n\nNo instruction is added to prompts. Sampling: " in text for text in captions.values()
        )


def test_numbers_by_which_settings_are_chosen_say_so(config):
    config["benchmarks"] = [{"dataset": "requests_harmful", "use": "tune"}]
    config["audit"] = None
    plan = Plan(load_study(config, "config.yaml"))
    assert all(text.endswith(TUNED) for text in plan.tables.captions().values())
    assert '"use":"tune"' in plan.tables.settings()
    assert protocol(load_study({"name": "s"}, "f")) == ""
