"""The trace analysis base_likelihood: log-probabilities of traces and answers under a tiny base."""

import math

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import write_tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from safelrm.analysis.traces import base_likelihood
from safelrm.analysis.traces.base_likelihood import Settings, analyse
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.inference.likelihood import token_log_probabilities

DECODINGS = {"thinking": {"prefill": True}, "plain": {}}
PROMPT = "<|user|> w1 w2 <|end|> <|assistant|>"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("base"), scale=3.0).parent / "model"


@pytest.fixture(scope="module")
def by_hand(base):
    """The mean log-probability of the last `size` words of a text."""
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base).eval()

    def mean(text: str, size: int) -> float:
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            logs = model(ids).logits[0].log_softmax(-1)
        return sum(float(logs[place - 1, ids[0, place]]) for place in range(len(ids[0]) - size, len(ids[0]))) / size

    return mean


def rollout(number: int, decoding: str, completion: str, trace: str | None, answer: str | None) -> dict:
    key = dict.fromkeys(ROLLOUT_KEY, "x") | {"seed": 1, "sample": 0, "prompt_id": f"p{number}", "decoding": decoding}
    texts = {"prompt": "w1 w2", "completion": completion, "trace": trace, "answer": answer}
    return key | texts | {"prompt_tokens": 6 if decoding == "thinking" else 5}


def values(base, *rows: dict, **settings) -> list[list[float | None]]:
    """The values of the trace and of the answer of each rollout."""
    found = analyse(pd.DataFrame(rows), Settings(**settings), checkpoints={("base", 0): base}, decodings=DECODINGS)
    assert set(found.measure) == {"base_log_probability"} == set(base_likelihood.MEASURES)
    return [found[found.part == part].set_index("prompt_id").value.sort_index().tolist() for part in ("t", "y")]


def test_a_part_is_read_after_all_before_it_in_the_rollout_s_own_mode(base, by_hand):
    rows = [
        rollout(0, "thinking", "w3 w4 </think> w5", "w3 w4", "w5"),
        rollout(1, "plain", "<think> w3 </think> w5 w3", "w3", "w5 w3"),
        rollout(2, "plain", "w7 w8", None, "w7 w8"),
        rollout(3, "thinking", "w3 w4", "w3 w4", None),
        rollout(4, "thinking", "</think> w5", None, "w5"),
    ]
    traces, answers = values(base, *rows, batch_tokens=20)
    thinking = f"{PROMPT} <think>"
    assert traces == pytest.approx(
        [
            by_hand(f"{thinking} w3 w4", 2),
            by_hand(f"{PROMPT} <think> w3", 1),
            math.nan,
            by_hand(f"{thinking} w3 w4", 2),
            math.nan,
        ],
        abs=1e-5,
        nan_ok=True,
    )
    assert answers == pytest.approx(
        [
            by_hand(f"{thinking} w3 w4 </think> w5", 1),
            by_hand(f"{PROMPT} <think> w3 </think> w5 w3", 2),
            by_hand(f"{PROMPT} w7 w8", 2),
            math.nan,
            by_hand(f"{thinking} </think> w5", 1),
        ],
        abs=1e-5,
        nan_ok=True,
    )


def test_what_was_asked_in_other_words_has_no_value(base):
    asked = rollout(0, "plain", "w7", None, "w7") | {"prompt_tokens": 9}
    assert all(math.isnan(value) for part in values(base, asked, asked | {"prompt_id": "p1"}) for value in part)


class Counting:
    """A stand-in for a model: a token's logits are those of a row of a table, whatever stands before."""

    device = "cpu"
    asked: list[tuple[int, int]]

    def __init__(self):
        self.asked = []
        self.table = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))

    def __call__(self, input_ids, attention_mask, use_cache):
        self.asked.append(tuple(input_ids.shape))
        return type("Output", (), {"logits": self.table[input_ids]})


@given(
    st.lists(st.lists(st.integers(0, 7), min_size=2, max_size=6), min_size=1, max_size=8),
    st.integers(1, 30),
)
def test_batches_and_repetitions_change_nothing(texts, batch_tokens):
    model, alone = Counting(), Counting()
    begins = [1 + len(ids) // 3 for ids in texts]
    found = token_log_probabilities(model, texts, begins, batch_tokens=batch_tokens)
    for ids, begin, logs in zip(texts, begins, found, strict=True):
        (one,) = token_log_probabilities(alone, [ids], [begin], batch_tokens=1)
        assert logs == pytest.approx(one) and len(logs) == len(ids) - begin
    assert all(rows == 1 or rows * width <= batch_tokens for rows, width in model.asked)
    assert sum(rows for rows, _ in model.asked) == len(
        {(tuple(ids), begin) for ids, begin in zip(texts, begins, strict=True)}
    )
