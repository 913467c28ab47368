"""The table sources: what they make of harmless files, and of files or settings that do not fit."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from source_fixtures import PUBLIC, load
from table_fixtures import COLUMNS, questions, table, written

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import CONVERSATIONS, PROMPTS
from safelrm.data.settings import ConversationTableSettings, PromptTableSettings

GSM8K = {key: value for key, value in PUBLIC["gsm8k"]["settings"].items() if key not in ("path", "sha256")}


XSTEST = {"columns": {"prompt": "q", "category": "c"}, "kind": {"column": "l", "map": {"safe": "benign", 1: "harmful"}}}


def test_prompts_are_a_table(tmp_path):
    rows = table(tmp_path, questions("Why?", " How?\n"), prefix="mine")
    PROMPTS.write(tmp_path / "out.parquet", rows)
    read = PROMPTS.read(tmp_path / "out.parquet")
    assert list(read.prompt) == ["Why?", "How?"] and read.reference.isna().all()
    assert rows.prompt_id.str.fullmatch("mine-[0-9a-f]{12}").all()


def test_conversations_are_a_table(tmp_path):
    path = written(tmp_path, [{"q": "Why?", "c": ["Light", "Air"], "a": "<think>Light.</think> So."}])
    rows = load("conversations", path, columns={**COLUMNS, "response": "a"}, kind="harmful", prefix="mine")
    CONVERSATIONS.write(tmp_path / "out.parquet", rows)
    assert rows.response[0] == "<think>Light.</think> So." and rows.category[0] == "Light; Air"
    assert list(rows.prompt_id) == list(load("table", path, columns=COLUMNS, kind="harmful", prefix="mine").prompt_id)


def test_attacks_pairs_and_system_prompts_are_columns_of_the_file(tmp_path):
    rows = [{"q": "So: why?", "c": "tea", "b": "Why?", "s": "Be brief.", "n": 7}, *questions("How?")]
    rows[1] |= {"b": None, "s": "", "n": 7}
    read = table(tmp_path, rows, columns=COLUMNS | {"behavior": "b", "system": "s", "pair": "n"})
    PROMPTS.write(tmp_path / "out.parquet", read)
    read = PROMPTS.read(tmp_path / "out.parquet")
    assert read.loc[0, ["behavior", "system", "pair"]].tolist() == ["Why?", "Be brief.", "7"]
    assert read.loc[1, ["behavior", "system"]].isna().all() and read.loc[1, "pair"] == "7"


def conversation(folder: Path, *responses: str, **chosen) -> list[str]:
    rows = [{"q": f"Why {place}?", "c": "tea", "a": text} for place, text in enumerate(responses)]
    settings = {"columns": {**COLUMNS, "response": "a"}, "kind": "harmful"} | chosen
    return list(load("conversations", written(folder, rows), **settings).response)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ("", "is empty"),
        ("<think>a</think>", "has no answer after its trace"),
        ("<think>a</think> \n", "has no answer after its trace"),
        ("<think>a", "has 1 times <think> and 0 times </think>, must have each once"),
        ("a</think>b", "has 0 times <think> and 1 times </think>"),
        ("<think>a</think><think>b</think>c", "has 2 times <think> and 2 times </think>"),
        ("<think>a</think>b</think>c", "has 1 times <think> and 2 times </think>"),
        ("Well. <think>a</think>b", "has text before its trace"),
        ("</think>a<think>b", "has text before its trace"),
    ],
)
def test_a_response_has_one_trace_at_most_and_an_answer(response, said, tmp_path):
    with pytest.raises(SafeLRMError, match=f"a: row 2 {said}") as caught:
        conversation(tmp_path, "<think>a</think>b", response)
    assert caught.value.file == str(tmp_path / "rows.json") and caught.value.fix
    assert conversation(tmp_path, "<think>a</think>b", "c", response, faulty="leave_out") == ["<think>a</think>b", "c"]


def test_a_trace_may_be_required_and_its_opening_put_back(tmp_path):
    assert conversation(tmp_path, "<think></think>b", "a") == ["<think></think>b", "a"]
    with pytest.raises(SafeLRMError, match="row 2 has no trace"):
        conversation(tmp_path, "<think></think>b", "a", traces="required")
    whole = ["<think>\na</think>b", "<think>a</think>b"]
    assert conversation(tmp_path, "a</think>b", whole[1], traces="required", traces_opened=True) == whole


def test_ids_may_be_numbers_and_the_category_one_for_all(tmp_path):
    rows = table(tmp_path, [{"n": 7, "q": "Why?"}], columns={"prompt": "q", "id": "n"}, category="all")
    assert list(rows.prompt_id) == ["7"] and list(rows.category) == ["all"]


def test_a_made_id_depends_on_the_prompt_alone(tmp_path):
    before = table(tmp_path, questions("Why?", "How?"))
    after = table(tmp_path, questions("Who?", "How?", "Why?"), instruction="Be short.")
    assert set(before.prompt_id) < set(after.prompt_id)
    assert after.prompt[0] == "Who?\n\nBe short."


def test_a_context_stands_before_its_prompt(tmp_path):
    rows = [{"q": "Finish it", "c": "tea", "x": "Once upon a time"}, {"q": "Why?", "c": "tea", "x": None}]
    found = table(tmp_path, rows, columns={**COLUMNS, "context": "x"})
    assert list(found.prompt) == ["Once upon a time\n\n---\n\nFinish it", "Why?"]


def test_kinds_come_from_labels(tmp_path):
    rows = [{"q": "a", "c": "x", "l": "safe"}, {"q": "b", "c": "x", "l": 1}, {"q": "secret", "c": "x", "l": "secret"}]
    assert list(table(tmp_path, rows[:2], **XSTEST).kind) == ["benign", "harmful"]
    with pytest.raises(SafeLRMError, match="l: row 3 holds an unknown value") as caught:
        table(tmp_path, rows, **XSTEST)
    assert "secret" not in str(caught.value)
    assert list(table(tmp_path, rows, **XSTEST, where_not={"l": ["secret"]}).kind) == ["benign", "harmful"]


def test_a_reference_is_taken_out_of_its_column(tmp_path):
    rows = [{"question": "1000 and 1?", "answer": "Add.\n#### 1,001"}, {"question": "0?", "answer": "#### -3"}]
    assert list(table(tmp_path, rows, **GSM8K).reference) == ["1001", "-3"]
    rows[1]["answer"] = "-3"
    with pytest.raises(SafeLRMError, match="answer: row 2 holds no reference"):
        table(tmp_path, rows, **GSM8K)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(), min_size=1, max_size=5))
def test_thousands_separators_are_dropped(numbers):
    rows = [{"question": str(n), "answer": f"so\n#### {number:,}"} for n, number in enumerate(numbers)]
    with tempfile.TemporaryDirectory() as folder:
        assert list(table(Path(folder), rows, **GSM8K).reference) == list(map(str, numbers))


def test_only_reasoning_prompts_need_a_reference(tmp_path):
    rows = [{"q": "a", "c": "x", "l": "safe", "r": None}, {"q": "b", "c": "x", "l": "sum", "r": 3}]
    chosen = {
        "columns": {**COLUMNS, "reference": "r"},
        "kind": {"column": "l", "map": {"safe": "benign", "sum": "reasoning"}},
    }
    assert list(table(tmp_path, rows, **chosen).reference.fillna("")) == ["", "3"]
    with pytest.raises(SafeLRMError, match="r: row 2 holds no reference"):
        table(tmp_path, [rows[0], {**rows[1], "r": None}], **chosen)


def test_errors_count_rows_as_the_file_does(tmp_path):
    rows = questions("a", "a", "b", "")
    rows[3]["q"] = "c"
    rows[3]["c"] = ""
    with pytest.raises(SafeLRMError, match="c: row 4 is empty"):
        table(tmp_path, rows, once=True, where_not={"q": ["b"]})


VALUES = st.sampled_from(["x", "y", "", None, 1, True, 2.5])


@settings(deadline=None, max_examples=60)
@given(st.lists(VALUES, min_size=1, max_size=8), st.sampled_from(["x", "", 1, True]))
def test_filters_part_the_rows(values, chosen):
    rows = [{"q": str(n), "c": "tea", "v": value} for n, value in enumerate(values)]
    same = [
        value is None if chosen == "" and value is None else value == chosen and type(value) is type(chosen)
        for value in values
    ]
    with tempfile.TemporaryDirectory() as folder:
        for keys, kept in (("where", same), ("where_not", [not one for one in same])):
            expected = [row["q"] for row, keep in zip(rows, kept, strict=True) if keep]
            if any(same) and expected:
                assert list(table(Path(folder), rows, **{keys: {"v": [chosen]}}).prompt) == expected
            else:
                with pytest.raises(SafeLRMError, match=r"no row holds|leave no row"):
                    table(Path(folder), rows, **{keys: {"v": [chosen]}})


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=12))
def test_once_takes_the_first_of_each_prompt(texts):
    rows = [{"q": text, "c": str(n)} for n, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        found = table(Path(folder), rows, once=True)
    assert dict(zip(found.prompt, found.category, strict=True)) == {
        text: str(texts.index(text)) for text in dict.fromkeys(texts)
    }


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(12)), st.integers(1, 11), st.integers(0, 9))
def test_a_draw_hardly_changes_with_the_file(order, size, seed):
    with tempfile.TemporaryDirectory() as folder:

        def draw(numbers, count):
            return list(table(Path(folder), questions(*map(str, numbers)), size=count, seed=seed).prompt)

        drawn = draw(order, size)
        assert len(set(drawn)) == size
        assert draw(sorted(order), size) == drawn
        assert draw(order, size + 1)[:size] == drawn
        assert len(set(draw([*order, 99], size)) - set(drawn)) <= 1


def test_draws_differ_by_seed_and_need_enough_rows(tmp_path):
    rows = questions(*map(str, range(40)))
    assert set(table(tmp_path, rows, size=6, seed=1).prompt) != set(table(tmp_path, rows, size=6, seed=2).prompt)
    with pytest.raises(SafeLRMError, match="size: 40 rows are left, fewer than size = 41"):
        table(tmp_path, rows, size=41)


def test_a_known_draw_stays():
    # another draw would be other prompts for RL
    with tempfile.TemporaryDirectory() as folder:
        rows = table(Path(folder), questions(*map(str, range(20))), size=4, seed=1, prefix="dolly")
    assert list(rows.prompt) == ["2", "5", "8", "12"]


@pytest.mark.parametrize(
    ("rows", "chosen", "said"),
    [
        ([{"c": "x"}], {}, "q: row 1 lacks this column"),
        ([{"q": "a", "c": "x"}, {"c": "x"}], {}, "q: row 2 lacks this column"),
        (questions("a", " "), {}, "q: row 2 is empty"),
        (questions("a", "a"), {}, "rows 1 and 2 have the same prompt"),
        ([{"q": "a", "c": None}], {}, "c: row 1 is empty"),
        ([{"q": float("nan"), "c": "x"}], {}, "q: row 1 is empty"),
        ([{"q": None, "c": "x"}], {}, "q: row 1 is empty"),
        ([{"q": 3, "c": "x"}], {}, "q: row 1 holds int, must be a string"),
        ([{"q": "\ud800", "c": "x"}], {}, "q: row 1 holds half of a surrogate pair"),
        ([{"q": "a", "c": []}], {}, "c: row 1 is empty"),
        ([{"q": "a", "c": [3]}], {}, "c: row 1 must be a category or a list"),
        (
            [{"q": "a", "c": "x", "n": 1}, {"q": "b", "c": "x", "n": 1}],
            {"columns": {**COLUMNS, "id": "n"}},
            "n: rows 1 and 2 have the same id",
        ),
        (questions("a"), {"where": {"c": ["tee"]}}, r"c: no row holds \['tee'\], which a filter names"),
        (questions("a"), {"where_not": {"c": ["tee"]}}, r"c: no row holds \['tee'\]"),
        (questions("a"), {"where_not": {"c": ["tea"]}}, "c: the filters leave no row"),
        (questions("a"), {"where": {"d": ["tea"]}}, "d: row 1 lacks this column"),
        ([{"q": "a", "c": ["x"]}], {"where": {"c": ["x"]}}, "c: row 1 holds list, must be text or a number"),
    ],
)
def test_rows_that_do_not_fit_are_one_clear_error(rows, chosen, said, tmp_path):
    with pytest.raises(SafeLRMError, match=said) as caught:
        table(tmp_path, rows, **chosen)
    assert caught.value.file == str(tmp_path / "rows.json") and caught.value.fix


ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.lists(st.text()))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.fixed_dictionaries({"q": ANYTHING, "c": ANYTHING, "l": ANYTHING}), min_size=1, max_size=4))
def test_arbitrary_values_are_a_table_or_one_error(rows):
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = table(Path(folder), rows, **XSTEST)
        except SafeLRMError as error:
            assert error.file and error.fix
        else:
            PROMPTS.write(Path(folder) / "out.parquet", found)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"columns": {"prompt": "q"}}, "give either `category` or `columns.category`"),
        ({"category": "tea"}, "give either `category` or `columns.category`"),
        ({"kind": "reasoning"}, "reasoning prompts need `columns.reference`"),
        ({"reference_pattern": "(.*)"}, "`reference_pattern` needs one group"),
        ({"columns": {**COLUMNS, "reference": "r"}, "reference_pattern": ".*"}, "`reference_pattern` needs one group"),
        ({"columns": {**COLUMNS, "reference": "r"}, "reference_pattern": "("}, "is no regular expression"),
        ({"columns": {**COLUMNS, "response": "a"}}, "response"),
        ({"kind": {"column": "l", "map": {"safe": "fine"}}}, "harmful"),
        ({"where": {"c": []}}, "at least 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(chosen, said):
    with pytest.raises(ValidationError, match=said):
        PromptTableSettings.model_validate({"columns": COLUMNS, "kind": "benign"} | chosen)


def test_conversations_need_responses():
    with pytest.raises(ValidationError, match="response"):
        ConversationTableSettings.model_validate({"columns": COLUMNS, "kind": "benign"})
