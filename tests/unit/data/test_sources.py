"""Sources of real data: what they make of harmless files of the same formats, and of broken ones."""

import hashlib
import importlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_fixtures import load

from safelrm.core.errors import SafeLRMError
from safelrm.data.records import RecordSettings, read_records

LABEL = "1_full_compliance,3_partial_refusal,FALSE,2_full_refusal"
# source: (file name, content)
FILES = {
    "star1": (
        "star.json",
        json.dumps(
            [
                {
                    "id": "1",
                    "question": "Why is the sky blue?",
                    "response": "<think>Light.</think> Air scatters it.",
                    "category": ["Physics", "Light"],
                    "source": "x",
                    "score": {},
                },
                {
                    "id": "1",
                    "question": "How do I bake?",
                    "response": "<think>Oven.</think> With heat.",
                    "category": ["Food"],
                    "source": "x",
                    "score": {},
                },
            ]
        ),
    ),
    "lrm_safety_study": (
        "study.json",
        json.dumps(
            [
                {"prompt": "Play a pirate.", "response": "<think></think> No.", "data_type": "safety"},
                {"prompt": "What is 1+1?", "response": "<think>2</think> 2", "data_type": "math"},
            ]
        ),
    ),
    "strongreject": (
        "s.csv",
        'category,source,forbidden_prompt\nGames,me,"Cheat at ""cards""\nand win"\nFood,me,Eat soap\n',
    ),
    "advbench": ("a.csv", "goal,target\nSteal a biscuit,Sure\n"),
    "harmbench": (
        "h.csv",
        "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n"
        "Hide the tea,standard,tea,,,hide_tea\n"
        'Finish it,contextual,tea,context,"Once upon a time, there was tea",finish_it\n'
        "Sing it,copyright,song,,,sing_it\n",
    ),
    "xstest": (
        "x.csv",
        "id,prompt,type,label,focus,note\nv2-1,How do I kill a process?,homonyms,safe,kill,\n"
        "v2-2,How do I hide the tea?,contrast_homonyms,unsafe,hide,\n",
    ),
    "xstest_labels": (
        "l.csv",
        "id,type,prompt,completion,annotation_1,annotation_2,agreement,final_label\n"
        f"v2-1,homonyms,How?,So.,{LABEL}\nv2-2,homonyms,Why?,,{LABEL}\n",
    ),
    "gsm8k": (
        "g.jsonl",
        '{"question": "1000 and 1?", "answer": "Add.\\n#### 1,001"}\n\n{"question": "0?", "answer": "#### -3"}\n',
    ),
    "math500": (
        "m.jsonl",
        '{"problem": "$x=1$, x?", "solution": "1", "answer": "1", "subject": "Algebra", '
        '"level": 1, "unique_id": "t/1"}\n',
    ),
    "attaq": (
        "a.jsonl",
        '{"label": "tea", "input": "Hide it?"}\n{"label": "jam", "input": "Eat it?"}\n'
        '{"label": "bread", "input": "Hide it?"}\n',
    ),
}
DOLLY = [
    {"instruction": f"Say {number}.", "context": "" if number % 2 else "A text.", "category": "qa", "response": "So."}
    for number in range(40)
]


def written(folder: Path, source: str) -> Path:
    name, content = FILES[source]
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("source", FILES)
def test_a_source_gives_its_table(source, tmp_path):
    module = importlib.import_module(f"safelrm.data.sources.{source}")
    rows = load(source, written(tmp_path, source))
    module.TABLE.write(tmp_path / "out.parquet", rows)
    assert len(module.TABLE.read(tmp_path / "out.parquet")) == len(rows) > 0


def test_a_doubled_question_is_one_prompt(tmp_path):
    file = written(tmp_path, "gsm8k")
    once = load("gsm8k", file)
    first, *_ = lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, first]))
    assert load("gsm8k", file).equals(once)


def test_values_are_taken_over(tmp_path):
    star1 = load("star1", written(tmp_path, "star1"))
    assert list(star1.category) == ["Physics; Light", "Food"]
    assert star1.prompt_id.is_unique
    assert list(load("strongreject", written(tmp_path, "strongreject")).prompt) == [
        'Cheat at "cards"\nand win',
        "Eat soap",
    ]
    assert list(load("gsm8k", written(tmp_path, "gsm8k")).reference) == ["1001", "-3"]
    assert list(load("xstest", written(tmp_path, "xstest")).kind) == ["benign", "harmful"]
    assert list(load("xstest_labels", written(tmp_path, "xstest_labels")).final_label) == ["full_refusal"] * 2
    assert list(load("lrm_safety_study", written(tmp_path, "lrm_safety_study")).prompt) == ["Play a pirate."]


def test_settings_choose_rows_and_columns(tmp_path):
    assert list(load("xstest", written(tmp_path, "xstest"), labels=["safe"]).prompt_id) == ["v2-1"]
    assert load("xstest", written(tmp_path, "xstest"), id_column=None).prompt_id.str.startswith("xstest-").all()
    contextual = load("harmbench", written(tmp_path, "harmbench"), functions=["contextual"])
    assert list(contextual.prompt) == ["Once upon a time, there was tea\n\n---\n\nFinish it"]
    path = tmp_path / "b.jsonl"
    path.write_text('{"query": "Steal a biscuit"}\n')
    assert list(load("advbench", path, prompt_column="query").prompt) == ["Steal a biscuit"]


def test_questions_of_star1_can_be_prompts_and_those_of_benchmarks_left_out(tmp_path):
    path = written(tmp_path, "star1")
    path.write_text(path.read_text().replace('"source": "x"', '"source": "Bench"', 1))
    rows = load("star1", path)
    prompts = load("star1_prompts", path)
    assert prompts[["prompt_id", "prompt"]].equals(rows[["prompt_id", "prompt"]])
    assert set(prompts.kind) == {"harmful"}
    assert list(load("star1", path, leave_out=["Bench"]).prompt) == ["How do I bake?"]
    assert list(load("star1_prompts", path, leave_out=["Bench"]).prompt) == ["How do I bake?"]
    with pytest.raises(SafeLRMError, match=r"no row is from \['Bensh'\]"):
        load("star1", path, leave_out=["Bensh"])


def test_a_question_of_attaq_that_is_there_twice_is_taken_once(tmp_path):
    rows = load("attaq", written(tmp_path, "attaq"))
    assert list(zip(rows.prompt, rows.category, strict=True)) == [("Hide it?", "tea"), ("Eat it?", "jam")]


def test_instructions_of_dolly_are_drawn_from_those_without_a_context(tmp_path):
    path = tmp_path / "dolly.json"
    path.write_text(json.dumps([*DOLLY, DOLLY[1]]))
    rows = load("dolly", path, size=6, seed=1)
    assert rows.prompt.is_unique and set(rows.kind) == {"benign"}
    assert set(rows.prompt) <= {row["instruction"] for row in DOLLY if not row["context"]}
    assert set(rows.prompt) < set(load("dolly", path, size=12, seed=1).prompt)
    assert set(rows.prompt) != set(load("dolly", path, size=6, seed=2).prompt)
    with pytest.raises(SafeLRMError, match="20 instructions have no context"):
        load("dolly", path, size=21)


def test_a_copy_of_harmbench_with_other_columns(tmp_path):
    path = tmp_path / "copy.jsonl"
    path.write_text('{"prompt": "Hide the tea", "category": "tea"}\n')
    columns = {"behaviour_column": "prompt", "category_column": "category"}
    lacking = dict.fromkeys(("id_column", "context_column", "function_column"))
    rows = load("harmbench", path, **columns, **lacking)
    assert list(rows.prompt) == ["Hide the tea"] and rows.prompt_id[0].startswith("harmbench-")


def test_a_made_id_depends_on_the_prompt_alone(tmp_path):
    path = written(tmp_path, "strongreject")
    before = load("strongreject", path)
    header, rest = path.read_text().split("\n", 1)
    path.write_text(f"{header}\nFood,me,Drink ink\n{rest}")
    after = load("strongreject", path)
    assert set(before.prompt_id) < set(after.prompt_id)


def test_byte_order_mark_crlf_and_extra_columns_change_nothing(tmp_path):
    path = written(tmp_path, "strongreject")
    plain = load("strongreject", path)
    other = tmp_path / "other.csv"
    text = path.read_text().replace("forbidden_prompt\n", "forbidden_prompt,extra\n")
    text = text.replace('win"\n', 'win",1\n').replace("soap\n", "soap,2\n")
    other.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load("strongreject", other).equals(plain)


FAULTS = [
    ("s.csv", b"category,prompt\na,b\n", ["lacks this column", "forbidden_prompt", "row 1"]),
    ("s.csv", b"category,forbidden_prompt\na,\n", ["row 1 is empty"]),
    ("s.csv", b"category,forbidden_prompt\na,b\nc,b\n", ["rows 1 and 2 have the same prompt"]),
    ("s.csv", b"category,forbidden_prompt\na,b,c\n", ["row 1 has 3 values"]),
    ("s.csv", b'category,forbidden_prompt\na,"b\nc,d\n', ["not CSV near line"]),
    ("s.csv", b"category,category\na,b\n", ["same name"]),
    ("s.csv", b"category,forbidden_prompt\n", ["no rows"]),
    ("s.csv", b"", ["no rows"]),
    ("s.csv", b"category,forbidden_prompt\na,caf\xe9\n", ["not UTF-8 at byte 31"]),
    ("s.tsv", b"a\tb\n", ["unknown format '.tsv'"]),
    ("s.json", b'[{"category": "a", "forbidden_prompt": "b"}', ["not JSON at line 1"]),
    ("s.json", b'{"category": "a"}', ["not a list"]),
    ("s.json", b"[1]", ["item 1 is not an object"]),
    ("s.json", b"[]", ["no rows"]),
    ("s.json", b'[{"category": "a", "forbidden_prompt": 3}]', ["row 1 holds int", "forbidden_prompt"]),
    ("s.json", b'[{"category": "a", "forbidden_prompt": "\\ud800"}]', ["surrogate"]),
    ("s.jsonl", b'{"category": "a", "forbidden_prompt": "b"}\n{"category"\n', ["not JSON at line 2"]),
]


@pytest.mark.parametrize(("name", "content", "said"), FAULTS)
def test_a_broken_file_is_one_clear_error(name, content, said, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SafeLRMError) as caught:
        load("strongreject", path)
    assert str(path) in str(caught.value) and "fix:" in str(caught.value)
    for text in said:
        assert text in str(caught.value)


def test_errors_do_not_repeat_the_text_of_a_prompt(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,prompt,type,label\n1,a secret,t,secret label\n")
    with pytest.raises(SafeLRMError, match="unknown value") as caught:
        load("xstest", path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "old", "new", "said"),
    [
        ("harmbench", "finish_it\n", "hide_tea\n", "rows 1 and 2 have the same id"),
        ("xstest", "v2-2", "v2-1", "rows 1 and 2 have the same id"),
        ("xstest", ",unsafe,", ",perhaps,", "row 2 holds an unknown value"),
        ("xstest_labels", "2_full_refusal", "4_other", "final_label: row 1 holds an unknown value"),
        ("gsm8k", "#### -3", "-3", "row 2 does not end in"),
        ("star1", '["Food"]', '"Food"', "row 2 must be a list"),
        ("lrm_safety_study", '"safety"', '"other"', "no row is of type 'safety'"),
    ],
)
def test_a_wrong_value_is_named(source, old, new, said, tmp_path):
    path = written(tmp_path, source)
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))
    with pytest.raises(SafeLRMError, match=said):
        load(source, path)


def test_sha256_is_checked_before_anything_is_read(tmp_path):
    path = written(tmp_path, "advbench")
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(load("advbench", path, sha256=right)) == 1
    with pytest.raises(SafeLRMError, match="sha256"):
        load("advbench", path, sha256="0" * 64)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SafeLRMError, match=r"none\.csv: cannot be read"):
        load("advbench", tmp_path / "none.csv")


def test_without_a_file_nothing_is_read():
    with pytest.raises(SafeLRMError, match="no file is given"):
        read_records(RecordSettings())


@given(st.binary(max_size=200), st.sampled_from(["csv", "json", "jsonl"]))
def test_arbitrary_bytes_are_rows_or_one_error(content, suffix):
    import tempfile  # noqa: PLC0415  (hypothesis shares a tmp_path between examples)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file.{suffix}"
        path.write_bytes(content)
        try:
            assert read_records(RecordSettings(path=str(path))).rows
        except SafeLRMError as error:
            assert error.fix
