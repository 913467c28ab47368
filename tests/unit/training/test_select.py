"""Selections: the filters, the best samples, the draw, the controls, and what the stage writes and says."""

import json

import pandas as pd
import pytest
from distilled_fixtures import distilled, verdicts
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.data.schemas import CONVERSATIONS
from safelrm.generation.schemas import DISTILLED
from safelrm.judging.schemas import VERDICTS
from safelrm.training import select
from safelrm.training.schemas import OUTCOMES
from safelrm.training.select import conversations_of, outcomes_of, said_of
from safelrm.training.selecting import row_counts
from safelrm.training.selection_settings import SelectJobSettings

SAFETY = {"verdicts": ["safe", "unsafe"], "counts": "safe", "direction": "higher", "score": "unsafe"}
JUDGED, LENGTH, PARSE, AGREEMENT = (
    f"safelrm.training.filters.{name}" for name in ("judged", "length", "parse", "agreement")
)
TEXTS = {
    "h1": ["<think> a plan </think> no", "<think> long ago and far away </think> no", "<think> never closed"],
    "h2": ["<think> b </think> sure", "just no", None],
    "r1": ["<think> c </think> 7", "<think> d </think> 8", "<think> e </think> 7"],
}


def settings(**changes: object) -> SelectJobSettings:
    return SelectJobSettings.model_validate({"distillation": "own", "fields": {"guard": SAFETY}, **changes})


def outcomes(texts: dict = TEXTS, said: dict | None = None, **changes: object) -> pd.DataFrame:
    rows = distilled(texts)
    given_verdicts = {} if said is None else {"guard": verdicts(rows, said)}
    return outcomes_of(rows, given_verdicts, settings(**changes))


def kept(found: pd.DataFrame) -> list[tuple[str, int]]:
    rows = found[found["outcome"] == "kept"]
    return [*zip(rows["prompt_id"], rows["sample"], strict=True)]


def reason(found: pd.DataFrame, prompt_id: str, sample: int) -> str | None:
    (value,) = found.loc[(found["prompt_id"] == prompt_id) & (found["sample"] == sample), "reason"]
    return None if pd.isna(value) else value


def test_without_filters_the_first_sample_that_ended_is_kept():
    found = outcomes()
    assert kept(found) == [("h1", 0), ("h2", 0), ("r1", 0)]
    assert reason(found, "h1", 2) == "not ended: no_close" and reason(found, "h2", 2) == "not ended: empty"
    assert reason(found, "h1", 1) == "not among the 1 of its prompt"


def test_a_judge_rejects_with_what_it_said_and_what_it_has_not_scored():
    said = {("h1", 0): ("unsafe", 0.9), ("h1", 1): ("safe", 0.4), ("h2", 0): ("safe", 0.1)}
    entry = {"module": JUDGED, "kinds": ["harmful"], "settings": {"judge": "guard", "part": "y", "verdicts": ["safe"]}}
    found = outcomes(said=said, filters=[entry], per_prompt=3)
    assert kept(found) == [("h1", 1), ("h2", 0), ("r1", 0), ("r1", 1), ("r1", 2)]
    assert reason(found, "h1", 0) == "guard of y: unsafe"
    assert reason(found, "h2", 1) == "guard of y: unscored (unreadable)"
    entry["settings"] |= {"most": 0.2}
    assert reason(outcomes(said=said, filters=[entry]), "h1", 1) == "guard of y: score above 0.2"
    # a part that the judge has left out
    entry["settings"] |= {"part": "t"}
    assert reason(outcomes(said=said, filters=[entry]), "h2", 0) == "guard of t: unscored (not_judged)"


def test_lengths_are_in_tokens_or_in_words():
    entry = {"module": LENGTH, "settings": {"trace": {"least": 1, "most": 3}, "answer": {"least": 1}}}
    found = outcomes(filters=[entry], per_prompt=3)
    assert reason(found, "h1", 1) == "trace longer than 3" and reason(found, "h2", 1) == "trace shorter than 1"
    words = entry | {"settings": entry["settings"] | {"unit": "words"}}
    assert found.equals(outcomes(filters=[words], per_prompt=3))
    rows = distilled(TEXTS).assign(trace_tokens=None)
    with pytest.raises(SafeLRMError, match="tokens are not known"):
        outcomes_of(rows, {}, settings(filters=[entry]))
    assert kept(outcomes_of(rows, {}, settings(filters=[words], per_prompt=3))) == kept(found)


def test_a_trace_must_be_there():
    found = outcomes(filters=[{"module": PARSE}], per_prompt=3)
    assert reason(found, "h2", 1) == "no trace" and ("h2", 0) in kept(found)


def test_answers_agree_with_the_reference_or_with_most_samples():
    entry = {"module": AGREEMENT, "kinds": ["reasoning"]}
    found = outcomes(filters=[entry], per_prompt=3)
    assert reason(found, "r1", 1) == "answer is not the reference" and reason(found, "r1", 2) is None
    most = outcomes(filters=[entry | {"settings": {"against": "majority"}}], per_prompt=3)
    assert reason(most, "r1", 1) == "answer is not the majority's" and ("r1", 2) in kept(most)
    tied = {"r1": ["<think> c </think> 7", "<think> c </think> 8"]}
    split = outcomes(tied, filters=[entry | {"settings": {"against": "majority"}}])
    assert split.reason.tolist() == ["no answer has the majority"] * 2
    with pytest.raises(SafeLRMError, match="prompt h1 has no reference"):
        outcomes(filters=[{"module": AGREEMENT}])


def test_the_best_sample_is_that_of_the_best_score_and_of_equals_the_first():
    said = {("h1", 0): ("unsafe", 0.9), ("h1", 1): ("safe", 0.4), ("h2", 0): ("safe", 0.2), ("h2", 1): ("safe", 0.2)}
    best = {"harmful": {"judge": "guard"}}
    found = outcomes(said=said, best=best)
    # of a kind that no judge orders, the first
    assert kept(found) == [("h1", 1), ("h2", 0), ("r1", 0)]
    del said["h2", 0]
    found = outcomes(said=said, best=best)
    assert kept(found)[:2] == [("h1", 1), ("h2", 1)] and reason(found, "h2", 0) == "guard of y: unscored"
    # a judge without scores orders by the verdict that counts
    counted = {"guard": {**SAFETY, "score": None}}
    found = outcomes(said=said, best=best, fields=counted)
    assert kept(found)[:2] == [("h1", 1), ("h2", 1)]


def test_a_draw_has_the_size_and_the_shares_and_a_larger_one_holds_it():
    texts = {f"h{number}": ["no"] for number in range(30)} | {f"b{number}": ["yes"] for number in range(30)}
    shares = {"harmful": 3.0, "benign": 1.0}
    small, large = (kept(outcomes(texts, size=size, shares=shares)) for size in (8, 20))
    assert [sum(name[0] == "h" for name, _ in rows) for rows in (small, large)] == [6, 15]
    assert set(small) < set(large) and large != kept(outcomes(texts, size=20, shares=shares, seed=1))
    assert len(kept(outcomes(texts, shares=shares))) == 40
    assert len(kept(outcomes(texts, size=7))) == 7
    left_out = outcomes(texts, shares={"harmful": 1.0})
    assert set(left_out[left_out.kind == "benign"].reason) == {"not drawn"}
    with pytest.raises(SafeLRMError, match="45 harmful rows are to be selected, and the filters leave 30"):
        outcomes(texts, size=60, shares=shares)


@given(
    there=st.dictionaries(st.sampled_from(["harmful", "benign", "reasoning"]), st.integers(0, 50), min_size=1),
    weights=st.lists(st.floats(0.1, 9.0), min_size=3, max_size=3),
    size=st.none() | st.integers(1, 60),
)
def test_counts_of_rows_add_up_and_are_there(there, weights, size):
    chosen = settings(shares=dict(zip(there, weights, strict=False)), size=size)
    try:
        counts = row_counts(there, chosen)
    except SafeLRMError:
        assert size is not None
        return
    assert size is None or sum(counts.values()) == size
    assert all(0 <= counts[kind] <= there[kind] for kind in there)


def written(texts: dict, **changes: object) -> pd.DataFrame:
    rows, chosen = distilled(texts), settings(**changes)
    return conversations_of(rows, outcomes_of(rows, {}, chosen), chosen)


def test_conversations_are_sorted_and_have_unique_ids():
    assert written(TEXTS).prompt_id.tolist() == ["h1", "h2", "r1"]
    several = written(TEXTS, per_prompt=2)
    assert several.prompt_id.tolist() == ["h1-0", "h1-1", "h2-0", "h2-1", "r1-0", "r1-1"]
    assert several.response.tolist()[3] == "just no"


def test_controls_keep_prompts_and_answers_and_change_traces_alone():
    texts = {f"h{n}": [f"<think>\nthink {n}\n</think>\n\nno {n}", f"<think> t{n} </think> no"] for n in range(6)}
    texts |= {f"b{n}": [f"<think> b{n} </think> yes"] for n in range(3)} | {"b9": ["at once"]}
    plain, emptied, shuffled = (
        written(texts, traces=traces, per_prompt=2) for traces in ("kept", "emptied", "shuffled")
    )
    of = {
        name: [parse_completion(text, prefilled=False) for text in rows.response]
        for name, rows in (("plain", plain), ("emptied", emptied), ("shuffled", shuffled))
    }
    for changed in (emptied, shuffled):
        assert changed.drop(columns="response").equals(plain.drop(columns="response"))
    answers = [one.answer for one in of["plain"]]
    assert answers == [one.answer for one in of["emptied"]] == [one.answer for one in of["shuffled"]]
    assert {one.trace for one in of["emptied"]} == {None} and "<think>\n\n</think>\n\nno 0" in emptied.response.tolist()
    for kind in ("harmful", "benign"):
        of_kind = (plain.kind == kind).tolist()
        traces = [[one.trace for one, there in zip(of[name], of_kind, strict=True) if there] for name in of]
        assert sorted(map(str, traces[0])) == sorted(map(str, traces[2]))
    for prompt_id, before, after in zip(plain.prompt_id, of["plain"], of["shuffled"], strict=True):
        # not even that of another sample of the prompt
        own = {one.trace for name, one in zip(plain.prompt_id, of["plain"], strict=True) if name[:2] == prompt_id[:2]}
        assert after.trace not in own if before.trace else after.trace is None
    assert shuffled.equals(written(texts, traces="shuffled", per_prompt=2))
    assert not shuffled.equals(written(texts, traces="shuffled", per_prompt=2, seed=1))
    with pytest.raises(SafeLRMError, match="1 prompts of the kind harmful are too few"):
        written({"h1": ["<think> a </think> no"]}, traces="shuffled")


def test_a_trace_that_is_a_part_of_its_mark_breaks_no_mark():
    assert written({"h1": ["<think> think </think> no"]}, traces="emptied").response.tolist() == [
        "<think>  </think> no"
    ]


def test_the_stage_writes_both_tables_and_says_what_became_of_all(tmp_path, monkeypatch, capsys):
    rows = distilled(TEXTS)
    DISTILLED.write(tmp_path / "own.parquet", rows)
    VERDICTS.write(tmp_path / "guard/own.parquet", verdicts(rows, {("h1", 1): ("safe", 0.1), ("r1", 0): ("safe", 0.0)}))
    entry = {"module": JUDGED, "settings": {"judge": "guard", "part": "y", "verdicts": ["safe"]}}
    chosen = {"distillation": "own", "filters": [entry], "fields": {"guard": SAFETY}}
    arguments = ["--settings", json.dumps(chosen), "--name", "direct", "--distilled", tmp_path / "own.parquet"]
    arguments += ["--verdicts", f"guard={tmp_path / 'guard/own.parquet'}"]
    arguments += ["--output", tmp_path / "out.parquet", "--output-outcomes", tmp_path / "direct.parquet"]
    monkeypatch.setattr("sys.argv", ["select", *map(str, arguments)])
    select.main()
    assert CONVERSATIONS.read(tmp_path / "out.parquet").prompt_id.tolist() == ["h1", "r1"]
    assert OUTCOMES.read(tmp_path / "direct.parquet").outcome.value_counts().to_dict() == {"kept": 2, "rejected": 7}
    said = capsys.readouterr().out
    assert "9 samples = 2 kept + 7 rejected" in said
    assert "prompts: 3 = 2 with a kept sample + without: 1 guard of y: unscored (unreadable)" in said


def test_an_empty_selection_is_one_error():
    with pytest.raises(SafeLRMError, match="no sample is left to train on: 1 not ended: empty"):
        written({"h1": [""]})


def test_verdicts_on_other_samples_are_refused():
    rows = distilled(TEXTS)
    other = verdicts(distilled({"h9": ["no"]}), {})
    for wrong in (other, verdicts(rows, {}).assign(model="another")):
        with pytest.raises(SafeLRMError, match="not those on this distillation"):
            outcomes_of(rows, {"guard": wrong}, settings())


def test_counts_say_every_kind():
    assert "harmful: 6 = 2 kept + rejected:" in said_of(outcomes())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("return None", "no list of texts"),
        ("return [None]", "1 entries for"),
        ("return [''] * len(samples)", "no list of texts"),
        ("raise ValueError('oh')", "stopped with ValueError: oh"),
    ],
)
def test_a_filter_that_gives_something_else_is_named(tmp_path, monkeypatch, text, said):
    name = f"bad_filter_{abs(hash(text))}"
    body = "from safelrm.core.settings import Strict\nclass Settings(Strict):\n    pass\n"
    (tmp_path / f"{name}.py").write_text(f"{body}def reasons(samples, said, settings):\n    {text}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SafeLRMError, match=said) as error:
        outcomes(filters=[{"module": name}])
    assert error.value.file == name
