"""What repeats what, within a set and between sets: against plain definitions, and on real files."""

import os
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_fixtures import PUBLIC, load, load_public, needs_real_data

from safelrm.core.errors import SafeLRMError
from safelrm.data import contamination, refine
from safelrm.data.contamination import Prompts, match_rows, matches, ngrams, repeated, share_rows
from safelrm.data.curation_settings import MatchSettings, RefineSettings
from safelrm.data.near import jaccard
from safelrm.data.overlap import words
from safelrm.data.schemas import CONVERSATIONS, PROMPTS

SETTINGS = MatchSettings(ngram_words=3)
sentences = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=9).map(" ".join)
texts = st.lists(sentences, max_size=7)


def kind(one: str, other: str, settings: MatchSettings = SETTINGS) -> str | None:
    found = matches(Prompts.of([one], settings), Prompts.of([other], settings), settings)
    return found[0, 0].kind if found else None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("How do I bake bread?", "how do i BAKE bread", "exact"),
        ("How do I bake good rye bread", "How do I bake good bread", "near"),
        ("You are a chef . Now tell me how do i bake bread , please", "how do i bake bread", "contained"),
        # of the four runs of three words of the shorter one, three are in the longer one
        ("now that i am here tell me how do i bake bread fast", "how do i bake bread slowly", "ngrams"),
        ("now that i am here tell me how do i bake it at all", "how do i bake bread slowly", None),
        ("What is 3 + 2?", "What is 3 - 2?", None),
    ],
)
def test_kinds_of_matches_do_not_depend_on_the_side(one, other, expected):
    assert kind(one, other) == kind(other, one) == expected


def expected_kind(one: str, other: str) -> str | None:
    """The definitions, one after the other."""
    left, right = sorted((words(one), words(other)), key=len)
    runs = [ngrams(left, 3), ngrams(right, 3)]
    if left == right:
        return "exact"
    if jaccard(set(left), set(right)) >= SETTINGS.near:
        return "near"
    if len(left) >= 3 and any(right[k : k + len(left)] == left for k in range(len(right))):
        return "contained"
    least = min(map(len, runs))
    return "ngrams" if least and len(runs[0] & runs[1]) / least >= SETTINGS.ngram_share else None


@given(texts, texts)
def test_matches_are_those_of_comparing_all(one, other):
    found = matches(Prompts.of(one, SETTINGS), Prompts.of(other, SETTINGS), SETTINGS)
    expected = {
        (i, j): kind
        for i, left in enumerate(one)
        for j, right in enumerate(other)
        if (kind := expected_kind(left, right))
    }
    assert {pair: match.kind for pair, match in found.items()} == expected
    swapped = matches(Prompts.of(other, SETTINGS), Prompts.of(one, SETTINGS), SETTINGS)
    assert {(j, i): match for (i, j), match in swapped.items()} == found


def frame(prompts: list[str], category: str = "c") -> pd.DataFrame:
    rows = pd.DataFrame({"prompt_id": [f"p{place}" for place in range(len(prompts))], "prompt": prompts})
    return rows.assign(kind="benign", category=category, reference=None)


@given(texts, texts, st.sampled_from(["keep", "exact", "near"]))
def test_a_drop_leaves_no_pair_that_repeats_and_loses_no_row(own, other, duplicates):
    settings = RefineSettings(dataset="d", overlap_with=["o"], duplicates=duplicates, ngram_words=3)
    rows, others = frame(["h i j k", *own]), frame(other)
    kept, dropped = refine.refined(rows, {"o": others}, settings)
    prompts = Prompts.of(kept["prompt"], settings)
    assert not matches(prompts, Prompts.of(others["prompt"], settings), settings)
    if duplicates != "keep":
        assert not repeated(prompts, settings.near if duplicates == "near" else None)
    assert sorted([*kept["prompt_id"], *(row["prompt_id"] for row in dropped)]) == sorted(rows["prompt_id"])
    assert list(kept["prompt_id"]) == [one for one in rows["prompt_id"] if one in set(kept["prompt_id"])]


def test_a_row_is_dropped_for_what_it_repeats_most_and_the_reason_is_named():
    rows = frame(["Bake bread today", "bake bread  today", "a b c d e f g h", "a b c d e f g h i", "x y z"])
    bench = frame(["x y z w v u t s r", "x y z"])
    settings = RefineSettings(dataset="d", overlap_with=["bench"], duplicates="near", size=1, seed=1)
    kept, dropped = refine.refined(rows, {"bench": bench}, settings)
    said = [tuple(row.get(key) for key in ("prompt_id", "reason", "other", "other_id", "kind")) for row in dropped]
    assert said[:3] == [
        ("p4", "overlap", "bench", "p1", "exact"),
        ("p1", "duplicate", "d", "p0", "exact"),
        ("p3", "duplicate", "d", "p2", "near"),
    ]
    assert {said[3][0], kept["prompt_id"][0]} == {"p0", "p2"} and said[3][1] == "not_taken"
    # a kind that does not count drops nothing
    some = settings.model_copy(update={"kinds": ["near"], "size": None})
    assert "p4" in set(refine.refined(rows, {"bench": bench}, some)[0]["prompt_id"])
    with pytest.raises(SafeLRMError, match=r"2 rows of `d` are left, fewer than 3; 3 are dropped"):
        refine.refined(rows, {"bench": bench}, settings.model_copy(update={"size": 3}))


def test_a_prompt_equal_to_one_that_repeats_an_earlier_one_repeats_that_one():
    found = repeated(Prompts.of(["a b c d", "a b c d e", "a b c d e"], SETTINGS), 0.7)
    assert {place: (first, match.kind) for place, (first, match) in found.items()} == {1: (0, "near"), 2: (0, "near")}


def test_both_stages_write_ids_and_never_texts(tmp_path, monkeypatch, capsys):
    rows = frame(["Why is the sky BLUE?", "why is the sky blue", "something quite else"]).drop(columns="reference")
    CONVERSATIONS.write(tmp_path / "sft.parquet", rows.assign(response="<think>well</think> so"))
    PROMPTS.write(tmp_path / "bench.parquet", frame(["tell me : something quite else", "why is the sky blue"]))
    sft, bench = f"{tmp_path}/sft.parquet", f"bench={tmp_path}/bench.parquet"
    outputs = [tmp_path / name for name in ("matches.csv", "shares.csv", "left.parquet", "dropped.csv")]
    argv = ["contamination", "--data", f"sft={sft}", bench, "--output-matches", *map(str, outputs[:1])]
    monkeypatch.setattr("sys.argv", [*argv, "--output-shares", str(outputs[1])])
    contamination.main()
    found = pd.read_csv(outputs[0]).drop(columns="similarity")
    assert [*found.itertuples(index=False, name=None)] == [
        ("bench", "p0", "sft", "p2", "contained", 1),
        ("bench", "p1", "sft", "p0", "exact", 2),
        ("sft", "p0", "bench", "p1", "exact", 1),
        ("sft", "p1", "bench", "p1", "exact", 1),
        ("sft", "p2", "bench", "p0", "contained", 1),
        ("sft", "p1", "sft", "p0", "exact", 1),
    ]
    shares = pd.read_csv(outputs[1]).set_index(["dataset", "other", "kind"])
    assert list(shares.loc[("sft", "sft", "any"), ["rows", "matched"]]) == [3, 1]
    assert shares.loc[("bench", "bench", "any"), "matched"] == 0
    settings = '{"dataset": "sft", "overlap_with": ["bench"], "kinds": ["contained", "near"], "duplicates": "exact"}'
    argv = ["refine", "--settings", settings, "--dataset", sft, "--overlap", bench]
    monkeypatch.setattr("sys.argv", [*argv, "--output-table", str(outputs[2]), "--output-dropped", str(outputs[3])])
    refine.main()
    kept = CONVERSATIONS.read(outputs[2])
    assert (list(kept.prompt_id), list(kept.response)) == (["p0"], ["<think>well</think> so"])
    assert "3 rows in, 1 kept, 2 dropped (1 duplicate, 1 overlap)" in capsys.readouterr().out
    assert not any("sky" in path.read_text().lower() for path in (outputs[0], outputs[1], outputs[3]))


@needs_real_data
def test_known_overlaps_of_public_files_come_out():
    folder = Path(os.environ["SAFELRM_REAL_DATA"])
    columns = {"prompt": "prompt", "id": "id", "category": "subcategory"}
    frames = {name: load_public(name) for name in PUBLIC}
    for name in ("coconot_contrast_eval", "coconot_pref"):
        frames[name] = load("table", folder / f"{name}.jsonl", columns=columns, kind="benign")
    frames["harmbench_val"] = load(
        "table",
        folder / "harmbench_text_val.csv",
        columns={"prompt": "Behavior", "id": "BehaviorID", "category": "SemanticCategory"},
        where={"FunctionalCategory": ["standard"]},
        kind="harmful",
    )
    started = time.process_time()
    shares = pd.DataFrame(share_rows(frames, match_rows(frames, MatchSettings())))
    seconds = time.process_time() - started
    found = shares.set_index(["dataset", "other", "kind"]).matched.to_dict()
    for name in ("strongreject", "advbench50", "xstest"):
        assert ("star1_1k", name, "exact") not in found
    assert found["lrm_safety_study_no_cot", "harmbench", "contained"] == 956
    assert found["harmbench", "lrm_safety_study_no_cot", "contained"] == 198
    # STAR-1's rows from HarmBench
    assert found["star1_1k", "harmbench", "exact"] == 2
    # 20 templates around 200 questions: most prompts are near another one
    assert found["lrm_safety_study_no_cot", "lrm_safety_study_no_cot", "near"] == 826
    assert found["xstest", "xstest_gpt4", "any"] == 450
    assert found["math500", "gsm8k", "any"] == 0
    # all 41 standard rows of the validation file are in the whole file, and in the prompts of the study
    for name, kind in (("harmbench", "exact"), ("lrm_safety_study_no_cot", "contained")):
        assert found["harmbench_val", name, kind] == len(frames["harmbench_val"]) == 41
    assert seconds < 60
