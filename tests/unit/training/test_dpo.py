"""Direct preference optimisation, for real on a tiny model."""

import math

import pytest
import torch
from training_fixtures import candidates, run_paths, written
from transformers import AutoModelForCausalLM

from safelrm.core.errors import SafeLRMError
from safelrm.models.schemas import CURVES
from safelrm.training.best_of import preference_pairs
from safelrm.training.candidate_settings import DpoSettings
from safelrm.training.policy import load_policy
from safelrm.training.preferred import token_rows, train

SETTINGS = {
    "candidates": "c",
    "min_margin": 0.5,
    "epochs": 4,
    "batch_size": 6,
    "learning_rate": 3e-3,
    "max_length": 32,
}


@pytest.fixture
def base(inputs):
    return inputs / "manifest.json"


@pytest.fixture
def prefer(base, tmp_path):
    def prefer(name="run", *, rows=None, **changes):
        paths = run_paths(tmp_path, name)
        settings = DpoSettings.model_validate(SETTINGS | changes)
        pairs = preference_pairs(candidates() if rows is None else rows, settings.min_margin)
        train(pairs, settings, checkpoint=base, seed=0, **paths)
        return paths["manifest"]

    return prefer


def logprob(manifest, row, which):
    """The log-probability of a completion after its prompt."""
    model = AutoModelForCausalLM.from_pretrained(manifest.parent / "model")
    ids = torch.tensor([row["prompt_ids"] + row[which]])
    with torch.inference_mode():
        logprobs = model(input_ids=ids).logits[0].log_softmax(-1)
    start = len(row["prompt_ids"])
    return sum(float(logprobs[place - 1, ids[0, place]]) for place in range(start, ids.shape[1]))


def test_dpo_prefers_what_was_chosen_and_records_its_curve(prefer, base, tmp_path):
    manifest = prefer()
    (row, *_) = token_rows(preference_pairs(candidates(), 0.5), load_policy(base), 32)
    start, end = ([logprob(one, row, which) for which in ("chosen_ids", "rejected_ids")] for one in (base, manifest))
    assert end[0] - end[1] > start[0] - start[1] + 1
    curve = CURVES.read(tmp_path / "run.parquet").pivot_table(index="step", columns="metric", values="value")
    # at the start the policy is the reference, and the loss of every pair is ln 2
    assert curve.loss.iloc[0] == pytest.approx(math.log(2), abs=1e-5)
    assert curve.preference_accuracy.iloc[-1] == 1
    # 12 pairs of two sequences of 6 + 4 tokens in each epoch
    assert curve.tokens_trained.tolist() == [120, 240, 360, 480, 600, 720, 840, 960]
    assert set(written(manifest)) == set(written(base))


def test_batches_by_length_need_less_padding_and_train_the_same_tokens(prefer, tmp_path):
    rows = candidates(24)
    rows["token_ids"] = [[9] * (1 + 12 * (number // 4 % 2)) for number in range(len(rows))]
    found = {}
    for batching in ("random", "by_length"):
        prefer(batching, rows=rows, batching=batching, batch_size=2, epochs=1)
        found[batching] = CURVES.read(tmp_path / f"{batching}.parquet").groupby("metric")["value"]
    assert found["by_length"].mean()["padding_share"] < 0.6 * found["random"].mean()["padding_share"]
    assert found["by_length"].max()["tokens_trained"] == found["random"].max()["tokens_trained"]


def test_a_row_is_the_rendered_prompt_and_the_very_tokens_that_were_sampled(base):
    rows = candidates(1)
    rows.loc[0, "finish_reason"], rows.loc[0, "parse_state"] = "length", "truncated"
    policy = load_policy(base)
    (row,) = token_rows(preference_pairs(rows, 0.5), policy, 32)
    assert policy.tokenizer.decode(row["prompt_ids"]) == "<|user|> w0 w9 <|end|> <|assistant|> <think>"
    assert row["chosen_ids"] == [10, 6, 10, policy.tokenizer.eos_token_id]
    # cut at the token limit, it did not end
    assert row["rejected_ids"] == [9, 6, 9]


@pytest.mark.parametrize(
    ("changes", "said", "key"),
    [
        ({"max_length": 9}, "prompt_id p00: 10 tokens, more than 9", "max_length"),
        ({"learning_rate": 1e30, "warmup": 0.0, "max_gradient_norm": 1e30}, "diverged", "learning_rate"),
        ({"min_margin": 9.0}, "no prompt is left", "min_margin"),
    ],
)
def test_what_cannot_be_trained_is_one_clear_error(prefer, tmp_path, changes, said, key):
    with pytest.raises(SafeLRMError, match=said) as error:
        prefer(**changes)
    assert error.value.key == key
    assert not list(tmp_path.rglob("manifest.json"))


def test_candidates_of_another_template_are_refused(prefer):
    with pytest.raises(SafeLRMError, match="prompt_id p00: 6 tokens, and 5 where it was asked"):
        prefer(rows=candidates().assign(prompt_tokens=5))


def test_with_lora_the_model_without_updates_is_the_reference(prefer, tmp_path):
    manifest = prefer(lora={"rank": 4, "keep_adapter": True}, loss="ipo")
    assert (manifest.parent / "adapter/adapter_model.safetensors").is_file()
    curve = CURVES.read(tmp_path / "run.parquet").pivot_table(index="step", columns="metric", values="value")
    # (1 / (2 beta)) squared, before the updates
    assert curve.loss.iloc[0] == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label_smoothing": 0.1}, "the loss `sigmoid` has none"),
        ({"loss": "exo_pair"}, "needs one above 0"),
        ({"lora": {"dropout": 0.1}}, "without dropout"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        DpoSettings.model_validate(SETTINGS | changes)
