"""RL in several decoding modes: with a trace, without one, and both in turns."""

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import write_tiny_model
from training_fixtures import GUARD, RL, prompts, run_paths, written
from transformers import AutoTokenizer

from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.inference.settings import GuardSettings
from safelrm.models.schemas import CURVES
from safelrm.training import reinforced
from safelrm.training.modes import modes_of
from safelrm.training.prompts import mix_prompts
from safelrm.training.rewards.base import DECODING
from safelrm.training.settings import RlJobSettings, RlSettings
from safelrm.training.trainer import RlTrainer
from workflow_runs import ROOT

# as Qwen3's: the model opens its trace, and a prompt for no trace closes an empty one
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}<|user|> {{ message['content'] }} <|end|> "
    "{% else %}<|assistant|> {{ message['content'] }} <|end|> {% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|> "
    "{% if opened is defined %}<think> {% endif %}"
    "{% if enable_thinking is defined and not enable_thinking %}<think> </think> {% endif %}{% endif %}"
)
TEMPLATES = {"thinking": {"enable_thinking": True}, "answers": {"enable_thinking": False}}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("base"), chat_template=TEMPLATE, scale=0.2)


def test_a_mode_thinks_unless_its_prompt_closes_the_trace(base):
    tokenizer = AutoTokenizer.from_pretrained(base.parent / "model")
    given = {**TEMPLATES, "begun": {"opened": True}, "plain": {}, "brief": {}}
    modes = modes_of(tokenizer, given, ["brief"])
    assert {name: (mode.prefilled, mode.thinks) for name, mode in modes.items()} == {
        "thinking": (False, True),
        "answers": (False, False),
        "begun": (True, True),
        "plain": (False, True),
        "brief": (False, False),
    }


@given(st.integers(1, 4), st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 10.0), min_size=1))
@settings(deadline=None, max_examples=10)
def test_each_data_set_takes_turns_between_the_modes(count, weights):
    names = [f"mode{number}" for number in range(count)]
    tables = {name: pd.DataFrame({"name": name, "number": range(3)}) for name in weights}
    mixed = mix_prompts(tables, weights, 24, 1, names)
    for _, rows in mixed.groupby("name"):
        for start in range(len(rows)):
            turns = rows[DECODING].iloc[start : start + count]
            assert turns.is_unique


@pytest.fixture
def fit(base, tmp_path):
    def fit(name, **changes):
        paths = run_paths(tmp_path, name)
        reinforced.train(
            {"harm": prompts("harmful"), "sums": prompts("reasoning", reference="7")},
            RlSettings.model_validate(RL | changes),
            checkpoint=base,
            guards={"g": base},
            readings={"g": GuardSettings.model_validate(GUARD)},
            seed=0,
            templates=TEMPLATES,
            **paths,
        )
        return written(paths["manifest"]), CURVES.read(paths["curve"])

    return fit


def test_a_run_trains_in_both_modes(fit, tmp_path, monkeypatch):
    asked, samples, tokens = [], [], []

    class Watched(RlTrainer):
        def _generate_single_turn(self, prompt_ids, *others):
            asked.extend(self.processing_class.batch_decode(prompt_ids))
            return super()._generate_single_turn(prompt_ids, *others)

        def _compute_loss(self, model, inputs):
            tokens.append(int(inputs["prompt_mask"].sum() + inputs["completion_mask"].sum()))
            return super()._compute_loss(model, inputs)

    monkeypatch.setattr(reinforced, "RlTrainer", Watched)
    monkeypatch.setattr(reinforced, "collapse_signs", lambda found: samples.extend(found) or {})
    changes = {
        "steps": 3,
        "prompts_per_step": 4,
        "micro_batches": 2,
        "decodings": [*TEMPLATES],
        "prompt_filter": {"samples": 2, "min_spread": 1e-6},
    }
    weights, curve = fit("first", **changes)
    # the filter has sampled two completions of ten prompts in both modes
    filtered = 2 * 2 * 10
    asked, samples = asked[filtered:], samples[filtered:]
    assert len(asked) == len(samples) == 2 * 4 * 4
    closed = ["<think> </think>" in text for text in asked]
    assert sum(closed) == len(asked) / 2
    assert [sample.thinks for sample in samples] == [not without for without in closed]
    assert all(sample.prompt in text for sample, text in zip(samples, asked, strict=True))

    values = {name: rows["value"].tolist() for name, rows in curve.groupby("metric")}
    # two passes a step, two steps on the first batch of rollouts
    assert values["tokens_trained"] == [sum(tokens[: 2 * step]) for step in (1, 2, 3)]
    assert values["tokens_sampled"][0] == values["tokens_sampled"][1] > filtered

    # a job that finds the kept prompts in its state samples none for them, and ends in the same bytes
    (tmp_path / "second.work").mkdir()
    (tmp_path / "first.work/prompt_filter").rename(tmp_path / "second.work/prompt_filter")
    before = len(tokens)
    again = fit("second", **changes)
    assert again[0] == weights and again[1].equals(curve)
    assert tokens[before:] == tokens[:before]


def test_modes_are_named_once_and_known():
    for wrong in ({"decodings": ["a", "a"]}, {"decodings": ["a"], "without_trace": ["b"]}):
        with pytest.raises(ValueError, match=r"decodings|without_trace"):
            RlSettings.model_validate(RL | {"steps": 1} | wrong)


@pytest.fixture
def study():
    def study(decodings):
        config = yaml.safe_load((ROOT / "config.yaml").read_text())
        config["rl"]["grpo"]["decodings"] = decodings
        config["arms"] = [arm for arm in config["arms"] if arm["model"] == "nano_b" or arm["method"] != "rl"]
        return load_study(config, "config.yaml")

    return study


def test_a_job_gets_the_templates_of_the_modes_that_its_recipe_names(study):
    told = Plan(study(["non_thinking"])).training.rl_settings({"model": "nano_b", "recipe": "grpo"})
    assert RlJobSettings.model_validate_json(told).templates == {"non_thinking": {"enable_thinking": False}}


def test_a_mode_that_the_model_of_an_arm_lacks_is_refused(study):
    with pytest.raises(SafeLRMError, match=r"\['silent'\], which `nano_b` has not") as error:
        study(["silent"])
    assert error.value.key.endswith(".recipe")
    assert "models.nano_b.decodings" in error.value.fix
