"""The audit: overlap against brute force, parse states and lengths, and the stage on real files."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_fixtures import load_public, needs_real_data

from safelrm.core.errors import SafeLRMError
from safelrm.data import audit
from safelrm.data.audit import length_rows, state_rows
from safelrm.data.overlap import Pair, overlapping_pairs, words
from safelrm.data.schemas import CONVERSATIONS, PROMPTS


def kinds(train: str, evaluation: str, threshold: float = 0.7) -> list[str]:
    return [pair.kind for pair in overlapping_pairs([train], [evaluation], threshold)]


@pytest.mark.parametrize(
    ("train", "evaluation", "expected"),
    [
        ("How do I bake bread?", "how do i  BAKE bread", ["exact"]),
        ("Don\u2019t stop!", "don't stop", ["exact"]),
        ("What is 3 + 2?", "What is 3 - 2?", []),
        ("What is 3 + 2?", "what is 3 +2", ["exact"]),
        ("How do I bake good rye bread", "How do I bake good bread", ["near"]),
        (
            "Ignore that. Pretend to be a chef and tell me: How do I bake bread? Now go on",
            "how do i bake bread",
            ["contained"],
        ),
        # part of it only, and the other way round
        ("Pretend to be a chef: how do I bake cake", "how do i bake bread", []),
        ("how do i bake", "Pretend to be a chef and say how do i bake", []),
        # whole words only
        ("we show do i bakery", "how do i bake", []),
        # too short to mean anything
        ("Pretend to be a chef and tell me how to bake bread", "bake bread", []),
        ("?!", "?!", ["exact"]),
        ("?!", "...", []),
    ],
)
def test_kinds_of_overlap(train, evaluation, expected):
    assert kinds(train, evaluation) == expected


sentences = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]), max_size=7).map(" ".join)


@given(st.lists(sentences, max_size=8), st.lists(sentences, max_size=8), st.sampled_from([0.3, 0.5, 0.7, 0.9, 1.0]))
def test_pairs_are_those_of_comparing_all(train, evaluation, threshold):
    expected = []
    for i, one in enumerate(map(words, train)):
        for j, other in enumerate(map(words, evaluation)):
            similarity = len(set(one) & set(other)) / len(set(one) | set(other))
            starts = range(len(one) - len(other) + 1)
            if one == other:
                expected.append(Pair(i, j, "exact"))
            elif similarity >= threshold:
                expected.append(Pair(i, j, "near"))
            elif len(other) >= 3 and any(one[k : k + len(other)] == other for k in starts):
                expected.append(Pair(i, j, "contained"))
    assert overlapping_pairs(train, evaluation, threshold) == expected


@pytest.mark.parametrize(("shared", "size"), [(7, 10), (14, 20), (21, 30), (70, 100)])
def test_similarity_equal_to_the_threshold_counts(shared, size):
    names = [f"w{i}" for i in range(size)]
    assert kinds(" ".join(names), " ".join(reversed(names[:shared]))) == ["near"]
    assert kinds(" ".join(names), " ".join(reversed(names[: shared - 1]))) == []


RESPONSES = [
    "<think>one two</think> three",
    "<think></think> four five",
    "six",
    "<think>seven",
    "<think>eight</think>",
    "",
]


def test_parse_states_are_counted():
    rows = {row["state"]: row["rows"] for row in state_rows("d", RESPONSES)}
    assert rows == {"ok": 2, "no_think": 1, "no_close": 1, "truncated": 0, "empty": 2}
    assert sum(row["share"] for row in state_rows("d", RESPONSES)) == pytest.approx(1)


def test_responses_in_another_format_are_counted():
    rows = {row["state"]: row["rows"] for row in state_rows("d", [*RESPONSES, "[THINK]nine[/THINK] ten"])}
    assert rows == {"ok": 2, "no_think": 1, "no_close": 1, "truncated": 0, "empty": 2, "other_format": 1}


def test_lengths_are_in_words_of_the_parts_that_exist():
    rows = {row["part"]: row for row in length_rows("d", RESPONSES)}
    assert [rows["thought"][key] for key in ("rows", "mean", "p50", "max")] == [3, 4 / 3, 1.0, 2]
    assert [rows["answer"][key] for key in ("rows", "mean", "p90", "max")] == [3, 4 / 3, pytest.approx(1.8), 2]
    assert [rows["response"][key] for key in ("rows", "max")] == [6, 3]
    assert next(iter(length_rows("d", ["six"])))["mean"] is None


def prompts(folder: Path, name: str, texts: list[str]) -> str:
    rows = pd.DataFrame({"prompt_id": [f"p{i}" for i in range(len(texts))], "prompt": texts})
    PROMPTS.write(folder / f"{name}.parquet", rows.assign(kind="benign", category="c", reference=None))
    return f"{name}={folder / name}.parquet"


def conversations(folder: Path, name: str, texts: list[str]) -> str:
    rows = pd.DataFrame({"prompt_id": [f"c{i}" for i in range(len(texts))], "prompt": texts})
    rows = rows.assign(kind="benign", category="c", response="<think>well</think> so")
    CONVERSATIONS.write(folder / f"{name}.parquet", rows)
    return f"{name}={folder / name}.parquet"


def run_stage(monkeypatch, folder: Path, *arguments: str) -> dict[str, pd.DataFrame]:
    outputs = {name: folder / f"{name}.csv" for name in ("overlap", "lengths", "traces")}
    options = [text for name, path in outputs.items() for text in (f"--output-{name}", str(path))]
    settings = '{"train": ["a"], "evaluation": ["b"]}'
    monkeypatch.setattr("sys.argv", ["audit", "--settings", settings, *arguments, *options])
    audit.main()
    return {name: pd.read_csv(path, keep_default_na=False) for name, path in outputs.items()}


def test_the_stage_names_what_overlaps(tmp_path, monkeypatch):
    sft = conversations(tmp_path, "sft", ["how do i bake bread", "why is the sky blue", "why is the sky blue ?"])
    rl = prompts(tmp_path, "rl", ["nothing in common"])
    bench = prompts(tmp_path, "bench", ["Why is the sky BLUE?", "how do i bake good bread", "other"])
    tables = run_stage(monkeypatch, tmp_path, "--train", sft, rl, "--evaluation", bench)
    overlap = tables["overlap"].set_index(["train", "kind"])
    assert list(overlap.loc[("sft", "exact"), ["train_matched", "evaluation_matched", "evaluation_ids"]]) == [
        2,
        1,
        "p0",
    ]
    assert list(overlap.loc[("sft", "near"), ["train_matched", "evaluation_ids"]]) == [1, "p1"]
    assert list(overlap.loc[("sft", "any"), ["evaluation_share", "evaluation_ids"]]) == [pytest.approx(2 / 3), "p0; p1"]
    assert overlap.loc[("rl", "any"), "evaluation_matched"] == 0
    assert set(tables["lengths"].dataset) == set(tables["traces"].dataset) == {"sft"}


def test_a_prompt_that_settings_were_chosen_on_is_no_evaluation_prompt(tmp_path, monkeypatch):
    train = prompts(tmp_path, "rl", ["nothing in common"])
    asked = ["Why is the sky BLUE?", "how do i bake good bread", "other"]
    bench, other = prompts(tmp_path, "bench", asked), prompts(tmp_path, "other", ["something else"])
    near = prompts(tmp_path, "near", ["how do i bake bread"])
    tables = run_stage(monkeypatch, tmp_path, "--train", train, "--tune", near, "--evaluation", bench, other)
    overlap = tables["overlap"].set_index(["train", "evaluation", "kind"])
    assert list(overlap.loc[("near", "bench", "near"), ["train_matched", "evaluation_ids"]]) == [1, "p1"]
    assert set(tables["lengths"].dataset) == set()
    (tmp_path / "overlap.csv").unlink()
    same = prompts(tmp_path, "same", ["a new one", "why is the sky blue"])
    with pytest.raises(SafeLRMError) as caught:
        run_stage(monkeypatch, tmp_path, "--train", train, "--tune", near, same, "--evaluation", other, bench)
    said = str(caught.value)
    assert (
        "audit.tune: settings were chosen on prompts that `bench` asks: of `same` and `bench` are equal p1 = p0" in said
    )
    assert "fix: draw other prompts for `bench`" in said and "sky" not in said
    assert not (tmp_path / "overlap.csv").exists()


def test_the_message_names_the_first_of_many_prompts(tmp_path):
    frames = [
        pd.DataFrame({"prompt_id": [f"{side}{i}" for i in range(9)], "prompt": list("abcdefghi")}) for side in "xy"
    ]
    with pytest.raises(SafeLRMError, match=r"are equal x0 = y0, .*x4 = y4 and 4 more"):
        audit.require_untuned({"x": frames[0]}, {"y": frames[1]})
    audit.require_untuned({"x": frames[0]}, {"y": frames[1].assign(prompt="z")})


def test_the_stage_does_without_responses_and_gives_the_same_bytes(tmp_path, monkeypatch):
    names = prompts(tmp_path, "rl", ["a b c d"]), prompts(tmp_path, "bench", ["d c b a"])
    tables = run_stage(monkeypatch, tmp_path, "--train", names[0], "--evaluation", names[1])
    assert tables["lengths"].empty and tables["traces"].empty
    before = (tmp_path / "overlap.csv").read_bytes()
    run_stage(monkeypatch, tmp_path, "--train", names[0], "--evaluation", names[1])
    assert (tmp_path / "overlap.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--train", "a", "--evaluation", "b=c"], "not of the form name=path"),
        (["--train", "a=b", "a=c", "--evaluation", "b=c"], "given twice"),
        (["--train", "a=none.parquet", "--evaluation", "b=c"], r"none\.parquet: the file does not exist"),
    ],
)
def test_wrong_arguments_are_named(arguments, said, tmp_path, monkeypatch):
    with pytest.raises(SafeLRMError, match=said):
        run_stage(monkeypatch, tmp_path, *arguments)


@needs_real_data
def test_known_answers_on_real_files():
    train = {
        "star1": load_public("star1_1k"),
        "no_cot": load_public("lrm_safety_study_no_cot"),
        "advbench": load_public("advbench50"),
    }
    evaluation = {
        "strongreject": load_public("strongreject"),
        "advbench": train["advbench"],
        "xstest": load_public("xstest"),
        "harmbench": load_public("harmbench", where={"FunctionalCategory": ["standard"]}),
    }
    rows = audit.overlap(train, evaluation, 0.7).set_index(["train", "evaluation", "kind"])
    for name in ("strongreject", "advbench", "xstest"):
        assert rows.loc[("star1", name, "exact"), "train_matched"] == 0
    # 956 of the 1,000 prompts wrap one of 198 HarmBench behaviours
    assert list(rows.loc[("no_cot", "harmbench", "any"), ["train_matched", "evaluation_matched"]]) == [956, 198]
    assert rows.loc[("advbench", "advbench", "exact"), "train_matched"] == 50
    lengths = {row["part"]: round(row["mean"]) for row in length_rows("star1", list(train["star1"].response))}
    assert (lengths["thought"], lengths["response"]) == (216, 291)
    assert next(state_rows("star1", list(train["star1"].response)))["rows"] == 1000
