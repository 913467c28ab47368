"""Min-K% probability: by hand, its properties, and of rows that training would render under a tiny base."""

import json
import sys

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import write_tiny_model
from training_fixtures import TEMPLATE, conversations
from transformers import AutoModelForCausalLM, AutoTokenizer

from safelrm.analysis import min_k as command
from safelrm.analysis.memorisation_schemas import MIN_K
from safelrm.analysis.memorisation_settings import MinKSettings
from safelrm.analysis.min_k import min_k, min_k_rows, sampled
from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import CONVERSATIONS

# the base was trained on the first row of its corpus
MODULE = """
import pandas as pd

def texts(settings, inputs, seed, curve):
    rows = pd.read_parquet(inputs["corpus"])
    return rows.head(1), rows.tail(2)
"""
LOGS = st.lists(st.floats(-30.0, 0.0), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("base"), chat_template=TEMPLATE, scale=3.0)


def logs_by_hand(base, text: str, size: int) -> list[float]:
    """The log-probabilities of the last `size` words of a text."""
    folder = base.parent / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        logs = model(ids).logits[0].log_softmax(-1)
    return [float(logs[place - 1, ids[0, place]]) for place in range(len(ids[0]) - size, len(ids[0]))]


def test_by_hand():
    # of five tokens 60 % are three: -4, -3 and -2
    logs = [-1.0, -4.0, -0.5, -3.0, -2.0]
    assert min_k(logs, 60) == pytest.approx(3.0)
    assert min_k(logs, 20) == 4.0
    # 39 % of five are 1.95 tokens, rounded down; and at least one token counts
    assert min_k(logs, 39) == min_k(logs, 1) == 4.0
    assert min_k([0.0], 60) == 0.0


@given(LOGS)
def test_all_tokens_give_the_negative_log_likelihood(logs):
    assert min_k(logs, 100) == pytest.approx(-sum(logs) / len(logs))


@given(LOGS, st.integers(1, 100), st.integers(1, 100))
def test_it_falls_towards_the_mean_as_k_grows(logs, one, other):
    low, high = sorted((one, other))
    assert min_k(logs, low) >= min_k(logs, high) - 1e-9
    assert min_k(logs, high) >= min_k(logs, 100) - 1e-9
    assert min_k(logs, 1) == pytest.approx(-min(logs))


@given(LOGS, st.randoms())
def test_the_order_of_tokens_does_not_count(logs, rng):
    shuffled = list(logs)
    rng.shuffle(shuffled)
    assert min_k(shuffled, 60) == pytest.approx(min_k(logs, 60))


def test_a_sample_depends_on_the_name_of_the_data_set_alone():
    rows = conversations(20)
    one = sampled(rows, "star1", 5)
    assert len(one) == 5 and one.equals(sampled(rows, "star1", 5))
    assert not one.equals(sampled(rows, "other", 5))
    assert one.prompt_id.tolist() == sorted(one.prompt_id, key=lambda name: int(name[1:]))
    assert sampled(rows, "star1", None) is sampled(rows, "star1", 20) is rows


@pytest.fixture(scope="module")
def rows(base):
    texts = conversations(2)
    texts.loc[1, "response"] = f"<think> {'w1 ' * 300}</think> w4"
    data = {"star": texts, "seen": conversations(1)}
    settings = MinKSettings(k=60, sweep=[100], batch_tokens=30)
    return min_k_rows(data, {"seen": True}, base.parent / "model", settings, "m")


def test_the_response_is_read_after_its_prompt_with_its_end_token(base, rows):
    # the generation prompt opens the trace: the model does not write it
    text = "<|user|> w0 w1 <|end|> <|assistant|> <think> w0 w2 w3 </think> w4 w0 <|end|>"
    logs = logs_by_hand(base, text, 7)
    assert len(rows) == 6
    for dataset in ("star", "seen"):
        found = rows[(rows.dataset == dataset) & (rows.prompt_id == "p0")].set_index("k")
        assert found.value[60] == pytest.approx(min_k(logs, 60), abs=1e-5)
        assert found.value[100] == pytest.approx(-sum(logs) / 7, abs=1e-5)
        assert set(found.tokens) == {7}


def test_a_row_that_training_would_refuse_has_no_value(rows):
    refused = rows[rows.value.isna()]
    assert set(refused.prompt_id) == {"p1"} and set(refused.tokens) == {0}
    assert all("more than 256" in reason for reason in refused.refused)


def test_membership_is_told_where_it_is_known(rows, tmp_path):
    MIN_K.write(tmp_path / "m.parquet", rows)
    read = MIN_K.read(tmp_path / "m.parquet")
    assert read[read.dataset == "seen"].member.tolist() == [True, True]
    assert read[read.dataset == "star"].member.isna().all()


def test_the_prompt_counts_if_it_is_asked_for(base):
    settings = MinKSettings(k=100, sweep=[], prompt=True)
    found = min_k_rows({"star": conversations(1)}, {}, base.parent / "model", settings, "m")
    text = "<|user|> w0 w1 <|end|> <|assistant|> <think> w0 w2 w3 </think> w4 w0 <|end|>"
    # all tokens but the first, before which nothing stands
    assert found.tokens.tolist() == [12]
    assert found.value.item() == pytest.approx(-sum(logs_by_hand(base, text, 12)) / 12, abs=1e-5)


def test_the_stage_writes_its_table(base, tmp_path, monkeypatch):
    CONVERSATIONS.write(tmp_path / "star.parquet", conversations(3))
    paths = ["--data", f"star={tmp_path / 'star.parquet'}", "--output", str(tmp_path / "m.parquet")]
    given = ["--model", "m", "--checkpoint", str(base), "--settings", json.dumps({"sample": 2})]
    monkeypatch.setattr(sys, "argv", ["min_k", *given, *paths])
    command.main()
    read = MIN_K.read(tmp_path / "m.parquet")
    assert sorted(set(read.k)) == [20, 40, 60, 80, 100] and read.prompt_id.nunique() == 2
    assert pd.isna(read.member).all()
    (tmp_path / "my_knowledge.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    inputs = {"corpus": str(tmp_path / "star.parquet")}
    known = {"module": "my_knowledge", "settings": {}, "inputs": inputs, "seed": 0, "curve": "none", "size": 2}
    monkeypatch.setattr(sys, "argv", ["min_k", *given, *paths, "--known", json.dumps(known)])
    command.main()
    read = MIN_K.read(tmp_path / "m.parquet")
    read = read[read.k == 60]
    assert read.dataset.tolist() == ["star", "star", "trained_on", "left_out", "left_out"]
    assert read[read.dataset != "star"].member.tolist() == [True, False, False]
    monkeypatch.setattr(sys, "argv", ["min_k", *given, *paths, "--members", json.dumps({"other": True})])
    with pytest.raises(SafeLRMError, match="--members"):
        command.main()
