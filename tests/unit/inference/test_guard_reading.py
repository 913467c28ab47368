import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import CHAT_TEMPLATE, write_tiny_model

from safelrm.core.errors import SafeLRMError
from safelrm.inference.guard_readers import ForwardGuard
from safelrm.inference.guard_reading import GuardPrompts
from safelrm.inference.settings import GuardSettings

WORKFLOW = Path(__file__).parents[3] / "workflow"
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


# in a process of its own: an engine keeps its memory, and its environment, until the process ends
SERVED = """
import argparse, json, sys
from pathlib import Path
from safelrm.core.work import forget_ended, run_resumably
from safelrm.inference import guard_readers as vllm_guard
from safelrm.inference.settings import GuardSettings

folder, settings, pairs, output = sys.argv[1:]
pairs = [tuple(pair) for pair in json.loads(pairs)]
guard = vllm_guard.VllmGuard(Path(folder), GuardSettings.model_validate_json(settings), dtype="float32")
asked = []

def read(pairs):
    asked.append(len(pairs))
    if len(asked) == 4:
        raise KeyboardInterrupt
    return answer(pairs)

def rows(readings):
    return [None if r is None else [r.p_unsafe, r.label_mass, r.top_token] for r in readings]

def job(name, pairs):
    def compute(_):
        results[name] = rows(guard.read(pairs))
        Path("out").touch()

    run_resumably("judge", argparse.Namespace(), [], [Path("out")], compute)
    forget_ended()

answer, guard._read = guard._read, read
results = {"at once": rows(guard.read(pairs))}
vllm_guard.SHARD = 6
for name in ("interrupted", "resumed", "other"):
    try:
        job(name, pairs[::-1] if name == "other" else pairs)
    except KeyboardInterrupt:
        pass
job("sharded", pairs)
Path(output).write_text(json.dumps(results | {"asked": asked}))
"""


@pytest.fixture(scope="module")
def served(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("served") / "readings.json"
    command = [sys.executable, "-c", SERVED, str(folder), SHORT.model_dump_json(), json.dumps(PAIRS), str(output)]
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=output.parent, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text())


def test_vllm_and_forward_readings_agree(folder, served):
    rows = pd.DataFrame([row or [None] * 3 for row in served["at once"]], columns=["p", "mass", "top"])
    forward = ForwardGuard(folder, SHORT).read(PAIRS)
    assert [reading is None for reading in forward] == rows["p"].isna().tolist()
    assert 0 < rows["p"].isna().sum() < len(PAIRS)
    for row, reading in zip(rows.itertuples(), forward, strict=True):
        if reading is not None:
            assert row.p == pytest.approx(reading.p_unsafe, abs=1e-4)
            assert row.mass == pytest.approx(reading.label_mass, abs=1e-4)
            assert row.top == reading.top_token


def test_an_interrupted_job_reads_the_rest_only_and_reads_the_same(served):
    # at once; two shards, and a third cut short; what was left; another order; all shards again
    assert served["asked"] == [20, 6, 6, 6, 6, 2, *[6, 6, 6, 2] * 2]
    assert "interrupted" not in served
    assert served["resumed"] == served["sharded"]
    assert served["resumed"] != served["other"]
    p_unsafe = [row and row[0] for row in served["at once"]]
    assert [row and row[0] for row in served["resumed"]] == pytest.approx(p_unsafe, abs=1e-5)
