"""The data of a report's page: which transcripts a page holds, what filters see, and what is packed."""

import base64
import gzip
import json
import string
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.generation.schemas import ROLLOUTS
from safelrm.reporting.page import transcripts
from safelrm.reporting.page.packed import coded, packed


def unpacked(text: str) -> object:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def rollout(arm: str, prompt: str, **more: object) -> dict[str, object]:
    row = dict.fromkeys(ROLLOUTS.schema.names)
    row |= {"model": "m", "arm": arm, "seed": 1, "decoding": "default", "benchmark": "asked", "prompt_id": prompt}
    row |= {"sample": 0, "kind": "harmful", "category": "c", "prompt": f"say {prompt}", "completion": "x" * 100}
    row |= {"trace": "think", "answer": "no", "parse_state": "ok", "finish_reason": "stop", "prompt_tokens": 3}
    return row | {"trace_tokens": 1, "completion_tokens": 4, "request_seed": 1} | more


PROMPTS = [f"p{number}" for number in range(40)]


@pytest.fixture
def files(tmp_path) -> list[Path]:
    """Rollouts of two arms on forty prompts, of 100 bytes each."""
    paths = []
    for arm in ("base", "sft-x"):
        paths.append(tmp_path / f"m/{arm}/seed1.parquet")
        ROLLOUTS.write(paths[-1], pd.DataFrame([rollout(arm, prompt) for prompt in PROMPTS]))
    return paths


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_what_is_packed_comes_back_and_is_base64_alone(value):
    text = packed(value)
    assert unpacked(text) == value and packed(value) == text
    # so it cannot end the element that holds it
    assert set(text) <= {*string.ascii_letters, *string.digits, *"+/="}


def test_a_number_that_json_lacks_is_refused():
    with pytest.raises(ValueError):
        packed({"rate": float("nan")})


@given(st.lists(st.sampled_from(["a", "b", None])))
def test_codes_lead_back_to_the_values(values):
    found = coded(pd.Series(values, dtype="object"))
    assert [None if code < 0 else found["levels"][code] for code in found["codes"]] == values
    assert found["levels"] == sorted(set(values) - {None})


def test_pages_share_out_whole_prompts_within_their_size(files):
    # 200 bytes of each prompt: five of them in a page of 1,000
    pages = transcripts.pages(files, 0.001)
    assert [len(page) for page in pages] == [5] * 8
    assert sorted(prompt for page in pages for prompt in page.prompt_id) == sorted(PROMPTS)
    assert len(transcripts.pages(files, 1.0)) == 1
    # a prompt that is too long for any page has one of its own
    assert [len(page) for page in transcripts.pages(files, 0.0001)] == [1] * 40


def test_the_first_page_is_no_beginning_of_the_data_and_the_same_every_time(files):
    first = list(transcripts.pages(files, 0.001)[0].prompt_id)
    assert first != sorted(PROMPTS)[:5] and first == list(transcripts.pages(files[::-1], 0.001)[0].prompt_id)


def test_a_page_has_all_answers_to_its_prompts_side_by_side(files):
    prompts = transcripts.pages(files, 0.001)[1]
    rows = transcripts.rows_of(files, prompts)
    assert list(rows.prompt_id) == [prompt for prompt in prompts.prompt_id for _ in range(2)]
    index = transcripts.index(rows)
    assert index["prompts"] == list(prompts.prompt_id) and index["count"] == 10
    arms = index["columns"]["arm"]
    assert [arms["levels"][code] for code in arms["codes"]] == ["base", "sft-x"] * 5


def test_texts_come_in_pieces_of_whole_prompts_with_what_was_said(files):
    rows = transcripts.rows_of(files, transcripts.pages(files, 1.0)[0])
    key = tuple(rows.loc[1, list(transcripts.ROLLOUT_KEY)])
    pieces = [*transcripts.texts(rows, {key: [[1.0, 0.25]]})]
    assert [len(piece["prompts"]) for piece in pieces] == [16, 16, 8]
    assert [len(piece["rows"]) for piece in pieces] == [32, 32, 16]
    assert pieces[0]["prompts"][0] == [f"say {rows.prompt_id[0]}", None, None, None]
    assert pieces[0]["rows"][0] == ["think", "no"] and pieces[0]["shades"] == {1: [[1.0, 0.25]]}


def test_a_completion_without_trace_and_answer_is_shown_whole(tmp_path):
    path = tmp_path / "m/base/seed1.parquet"
    row = rollout("base", "p0", trace=None, answer=None, parse_state="other_format", completion="[THINK]")
    ROLLOUTS.write(path, pd.DataFrame([row]))
    rows = transcripts.rows_of([path], transcripts.pages([path], 1.0)[0])
    assert next(transcripts.texts(rows, {}))["rows"] == [[None, None, "[THINK]"]]


def test_verdicts_stand_at_their_rollouts_and_a_judge_without_any_is_left_out(files):
    rows = transcripts.rows_of(files, transcripts.pages(files, 1.0)[0])
    said = rows[list(transcripts.ROLLOUT_KEY)].assign(judge="guard", field="safety", part="y", state="scored")
    said["verdict"] = ["unsafe" if arm == "base" else "safe" for arm in said.arm]
    said["score"] = [0.87654 if arm == "base" else None for arm in said.arm]
    (entry,) = transcripts.judged(rows, said[said.arm == "base"].sample(frac=1, random_state=1))
    assert [entry["judge"], entry["field"], entry["part"]] == ["guard", "safety", "y"]
    assert entry["levels"] == ["unsafe"] and entry["codes"] == [0, -1] * 40
    assert entry["scores"] == [0.877, None] * 40
    assert transcripts.judged(rows, said.assign(prompt_id="other " + said.prompt_id)) == []


def test_signs_name_the_rollouts_that_have_them(files):
    rows = transcripts.rows_of(files, transcripts.pages(files, 1.0)[0])
    values = rows[list(transcripts.ROLLOUT_KEY)].assign(name="leak", value=[1.0, 0.0] * 40)
    assert transcripts.flags(rows, values) == {"leak": list(range(0, 80, 2))}
