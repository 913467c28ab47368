"""A guard's questions and answers, and its two readers, which agree."""

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_process import run_code
from tiny_model import CHAT_TEMPLATE, write_tiny_model

from safelrm.core.errors import SafeLRMError
from safelrm.inference.readings import ForwardGuard, GuardPrompts
from safelrm.inference.settings import GuardSettings

LOGPROBS = st.floats(-80.0, 0.0)
# texts of many lengths, so that batches are padded
PAIRS = [(f"w{n} w{n + 1} {n % 10}", " ".join(f"w{n * k % 40}" for k in range(1, n + 2))) for n in range(20)]


def settings(**changes):
    values = {"unsafe_label": "unsafe", "safe_label": "safe", "max_length": 60, "min_label_mass": 0.0, "batch_size": 6}
    return GuardSettings(**{**values, **changes})


SHORT = settings(max_length=20)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("guard"), scale=5.0)


@pytest.fixture(scope="module")
def folder(manifest):
    return manifest.parent / "model"


@pytest.fixture(scope="module")
def prompts(folder):
    return GuardPrompts(folder, settings())


@given(LOGPROBS, LOGPROBS)
def test_reading_is_the_softmax_over_the_labels(prompts, unsafe, safe):
    reading = prompts.reading(unsafe, safe, prompts.safe_id)
    assert reading.p_unsafe == pytest.approx(1 / (1 + math.exp(safe - unsafe)))
    assert 0.0 <= reading.label_mass <= 1.0
    assert reading.label_mass == pytest.approx(min(1.0, math.exp(unsafe) + math.exp(safe)))
    assert reading.top_token == "safe"


def test_extreme_log_probabilities_do_not_overflow(prompts):
    assert prompts.reading(-5000.0, 0.0, 0).p_unsafe == pytest.approx(0.0)
    assert prompts.reading(0.0, -5000.0, 0).p_unsafe == pytest.approx(1.0)


@pytest.mark.parametrize("broken", [float("nan"), float("-inf")])
def test_broken_arithmetic_is_an_error(prompts, broken):
    with pytest.raises(SafeLRMError, match="log-probabilities"):
        prompts.reading(broken, -1.0, 0)


@pytest.mark.parametrize(
    ("changes", "key"),
    [({"unsafe_label": "very unsafe"}, "unsafe_label"), ({"safe_label": "fine"}, "safe_label")],
)
def test_a_label_that_is_not_one_token_is_named(folder, changes, key):
    with pytest.raises(SafeLRMError, match="not exactly one token") as caught:
        GuardPrompts(folder, settings(**changes))
    assert caught.value.key == key


def test_equal_labels_are_refused(folder):
    with pytest.raises(SafeLRMError, match="both labels"):
        GuardPrompts(folder, settings(safe_label="unsafe"))


def test_the_question_is_the_guards_own_template_with_the_answer_prefix(folder):
    asker = GuardPrompts(folder, settings(answer_prefix=" w3", template_kwargs={"prefill": True}))
    (ids,) = asker.encode([("w1 w2", "<think> w4 </think> 5")])
    assert asker.chat.decode([ids]) == [
        "<|user|> w1 w2 <|end|> <|assistant|> <think> w4 </think> 5 <|end|> <|assistant|> <think> w3"
    ]


def test_a_template_that_drops_the_trace_is_refused(tmp_path):
    dropping = CHAT_TEMPLATE.replace("message['content']", "message['content'].split('</think>')[-1]")
    asker = GuardPrompts(write_tiny_model(tmp_path, chat_template=dropping).parent / "model", settings())
    assert asker.encode([("w1", "5")])[0]
    with pytest.raises(SafeLRMError, match="drops a part"):
        asker.encode([("w1", "w4 </think> 5")])


def test_a_model_without_chat_template_is_refused(tmp_path):
    with pytest.raises(SafeLRMError, match="no chat template"):
        GuardPrompts(write_tiny_model(tmp_path, chat_template="").parent / "model", settings())


def test_a_guard_without_weights_is_refused(tmp_path):
    folder = write_tiny_model(tmp_path).parent / "model"
    (folder / "model.safetensors").unlink()
    with pytest.raises(SafeLRMError, match="the model cannot be loaded"):
        ForwardGuard(folder, settings())


def test_forward_readings_do_not_depend_on_their_batch(folder):
    together = ForwardGuard(folder, settings()).read(PAIRS)
    alone = ForwardGuard(folder, settings(batch_size=1)).read(PAIRS[::-1])[::-1]
    assert [reading.p_unsafe for reading in together] == pytest.approx(
        [reading.p_unsafe for reading in alone], abs=1e-6
    )
    assert len({round(reading.p_unsafe, 6) for reading in together}) == len(PAIRS)
    assert ForwardGuard(folder, settings()).read(PAIRS) == together


def test_a_text_too_long_for_the_guard_has_no_reading(folder):
    (question,) = GuardPrompts(folder, settings()).encode(PAIRS[10:11])
    readings = ForwardGuard(folder, settings(max_length=len(question))).read(PAIRS)
    assert [reading is None for reading in readings] == [n > 10 for n in range(20)]
    assert ForwardGuard(folder, settings()).read([]) == []


SERVED = """
import json, sys
from functools import cache
from pathlib import Path
from safelrm.inference import readings
from safelrm.inference.settings import GuardSettings

assert "vllm" not in sys.modules
folder, settings, pairs, output = sys.argv[1:]
pairs = [tuple(pair) for pair in json.loads(pairs)]
readings.start_engine = cache(readings.start_engine)
asked, complete = [], readings.complete

def counting(engine, questions):
    asked.append(0)
    for answer in complete(engine, questions):
        if until and sum(asked) == until[0]:
            until.clear()
            raise KeyboardInterrupt
        asked[-1] += 1
        yield answer

def read(pairs, **changes):
    chosen = GuardSettings.model_validate_json(settings).model_copy(update=changes)
    guard = readings.VllmGuard(Path(folder), chosen, dtype="float32")
    return [None if r is None else [r.p_unsafe, r.label_mass, r.top_token] for r in guard.read(pairs)]

readings.complete, until = counting, [7]
try:
    read(pairs)
except KeyboardInterrupt:
    pass
results = {"resumed": read(pairs), "again": read(pairs[::-1])[::-1], "other": read(pairs, min_label_mass=0.9)}
read([*pairs, ("w1", "w2 w3")])
Path(output).write_text(json.dumps(results | {"asked": asked}))
"""


@pytest.fixture(scope="module")
def served(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("served") / "readings.json"
    run_code(SERVED, folder, SHORT.model_dump_json(), json.dumps(PAIRS), output, folder=output.parent)
    return json.loads(output.read_text())


def test_vllm_and_forward_readings_agree(folder, served):
    rows = pd.DataFrame([row or [None] * 3 for row in served["resumed"]], columns=["p", "mass", "top"])
    forward = ForwardGuard(folder, SHORT).read(PAIRS)
    assert [reading is None for reading in forward] == rows["p"].isna().tolist()
    assert 0 < rows["p"].isna().sum() < len(PAIRS)
    for row, reading in zip(rows.itertuples(), forward, strict=True):
        if reading is not None:
            assert row.p == pytest.approx(reading.p_unsafe, abs=1e-4)
            assert row.mass == pytest.approx(reading.label_mass, abs=1e-4)
            assert row.top == reading.top_token


def test_a_guard_reads_nothing_twice(served):
    readable = sum(row is not None for row in served["resumed"])
    # until the interruption; the rest; and one pair more: no order and no threshold asks anything
    assert served["asked"] == [7, readable - 7, 1]
    assert served["again"] == served["resumed"] == served["other"]
