"""A guard's questions and answers, and its two readers, which agree."""

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_process import run_code
from pydantic import ValidationError
from tiny_model import CHAT_TEMPLATE, SPECIAL, WORDS, write_tiny_model

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
SAFE_ID = (SPECIAL + WORDS).index("safe")
# read behind the first word that the guard writes; question and answer are as long as those of SHORT
LATER = GuardSettings(
    max_length=17,
    max_tokens=4,
    min_label_mass=0.0,
    batch_size=6,
    fields={
        "safety": {**settings().model_dump()["fields"]["safety"], "after": r"\S"},
        "third": {
            "after": r"\S+\s+\S",
            "labels": {"low": {"spellings": ["w1", "w2"]}, "high": {"spellings": ["w3"]}},
            "verdicts": ["low", "high"],
            "counts": "low",
            "score": None,
        },
    },
)


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
    reading = prompts.labels.read([SAFE_ID], [[unsafe, safe]])
    assert reading.p_unsafe == pytest.approx(1 / (1 + math.exp(safe - unsafe)))
    assert 0.0 <= reading.label_mass <= 1.0
    assert reading.label_mass == pytest.approx(min(1.0, math.exp(unsafe) + math.exp(safe)))
    assert reading.top_token == "safe"


def test_extreme_log_probabilities_do_not_overflow(prompts):
    assert prompts.labels.read([0], [[-5000.0, 0.0]]).p_unsafe == pytest.approx(0.0)
    assert prompts.labels.read([0], [[0.0, -5000.0]]).p_unsafe == pytest.approx(1.0)


@pytest.mark.parametrize("broken", [float("nan"), float("-inf")])
def test_broken_arithmetic_is_an_error(prompts, broken):
    with pytest.raises(SafeLRMError, match="log-probabilities"):
        prompts.labels.read([0], [[broken, -1.0]])


@pytest.mark.parametrize(
    ("changes", "key"),
    [({"unsafe_label": "very unsafe"}, "labels.unsafe"), ({"safe_label": "fine"}, "labels.safe")],
)
def test_a_label_that_is_not_one_token_is_named(folder, changes, key):
    with pytest.raises(SafeLRMError, match="not exactly one token") as caught:
        GuardPrompts(folder, settings(**changes))
    assert caught.value.key == f"reading.fields.safety.{key}"


def test_equal_labels_are_refused(folder):
    with pytest.raises(ValidationError, match="both labels"):
        settings(safe_label="unsafe")
    # the tokenizer splits at blanks, so both begin with one word
    labels = {"unsafe": {"spellings": ["w1 w2"], "score": 1.0}, "safe": {"spellings": ["w1 w3"], "score": 0.0}}
    with pytest.raises(SafeLRMError, match="both labels"):
        GuardPrompts(folder, GuardSettings(max_length=9, fields={"safety": {"labels": labels, "first_token": True}}))


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
folder, settings, later, pairs, output = sys.argv[1:]
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
guard = readings.VllmGuard(Path(folder), GuardSettings.model_validate_json(later), dtype="float32")
found = guard.read(pairs)
results["later"] = [None if r is None else [r.p_unsafe, r.label_mass] for r in found]
results["third"] = [r.others["third"].mass for r in found if r]
asked.pop()
Path(output).write_text(json.dumps(results | {"asked": asked}))
"""


@pytest.fixture(scope="module")
def served(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("served") / "readings.json"
    chosen = SHORT.model_dump_json(), LATER.model_dump_json()
    run_code(SERVED, folder, *chosen, json.dumps(PAIRS), output, folder=output.parent, warm=False)
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


def test_both_readers_agree_on_what_a_guard_writes(folder, served):
    forward = ForwardGuard(folder, LATER).read(PAIRS)
    assert [reading is None for reading in forward] == [row is None for row in served["later"]]
    rows = [(row, reading) for row, reading in zip(served["later"], forward, strict=True) if reading]
    assert 5 < len(rows) < len(PAIRS)
    for (p_unsafe, mass), reading in rows:
        assert mass == pytest.approx(reading.label_mass, abs=1e-4)
        assert p_unsafe == pytest.approx(reading.p_unsafe, abs=1e-4)
    assert len({round(reading.p_unsafe, 4) for _, reading in rows}) > len(rows) // 2
    # an answer may end before
    assert all(0 <= mass <= 1 for mass in served["third"]) and any(served["third"])


def test_a_guard_reads_nothing_twice(served):
    readable = sum(row is not None for row in served["resumed"])
    # until the interruption; the rest; and one pair more: no order and no threshold asks anything
    assert served["asked"] == [7, readable - 7, 1]
    assert served["again"] == served["resumed"] == served["other"]
