"""The command `show`: the rows on a terminal, and what it says of all rows."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import write_tiny_model
from training_fixtures import TEMPLATE, candidates, conversations

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import CONVERSATIONS
from safelrm.training import show
from safelrm.training.marked import UNSAFE, escaped, marked_lines
from safelrm.training.rendered import weightless_policy
from safelrm.training.rendering import IGNORED
from safelrm.training.schemas import CANDIDATES


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_tiny_model(folder / "checkpoints/m/base/seed0", chat_template=TEMPLATE)
    rows = conversations(4)
    rows.loc[3, "response"] = f"<think> {'w39 ' * 60}</think> w4"
    CONVERSATIONS.write(folder / "data/star.parquet", rows)
    return folder


def shown(monkeypatch, capsys, files, *arguments: str) -> list[str]:
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["show", "--data", "star", "--model", "m", *arguments])
    show.main()
    return capsys.readouterr().out.splitlines()


def test_rows_are_shown_by_token_with_their_loss(monkeypatch, capsys, files):
    lines = shown(monkeypatch, capsys, files, "--rows", "1", "--max-length", "40")
    assert lines == [
        "p0: 13 tokens, 8 with loss",
        "no loss | <|user|>·w0·w1·<|end|>·<|assistant|>",
        "   loss | <think>·w0·w2·w3·</think>·w4·w0",
        "    end | <|end|>",
        "",
        "4 rows: training takes 3 and would refuse 1",
        "39 tokens, 24 of them with loss",
        "the longest row is p0: 13 tokens of at most 40",
        "refused: p3: 69 tokens, more than 40",
    ]


def test_a_terminal_has_colours_unless_the_user_wants_none(monkeypatch, capsys, files):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    coloured = shown(monkeypatch, capsys, files, "--rows", "2")
    assert "\x1b[32m" in "".join(coloured)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "".join(shown(monkeypatch, capsys, files, "--rows", "2"))


def test_a_refused_row_says_why_below_its_tokens(monkeypatch, capsys, files):
    lines = shown(monkeypatch, capsys, files, "--rows", "4", "--max-length", "40")
    assert lines.count("refused: 69 tokens, more than 40") == 1


def test_candidates_are_shown_as_rejection_sampling_takes_them(files, monkeypatch):
    monkeypatch.chdir(files)
    CANDIDATES.write(files / "m/c/seed0.parquet", candidates(size=3))
    rows = show.data_of("m/c/seed0.parquet")
    assert rows.response.tolist() == ["<think> w3 </think> w3"] * 3


@pytest.mark.parametrize(
    ("data", "model", "said"),
    [("none", "m", "--data: there is none of none, data/none.parquet"), ("star", "none", "--model: there is no")],
)
def test_what_is_not_there_is_named(monkeypatch, files, data, model, said):
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["show", "--data", data, "--model", model])
    with pytest.raises(SafeLRMError) as error:
        show.main()
    assert said in str(error.value) and error.value.fix


@pytest.mark.parametrize("given", ["no", "3", '{"a": [1]}'])
def test_arguments_of_the_template_are_a_mapping_of_plain_values(monkeypatch, capsys, given):
    monkeypatch.setattr(sys, "argv", ["show", "--data", "star", "--model", "m", "--template", given])
    with pytest.raises(SystemExit):
        show.main()
    assert "--template: invalid" in capsys.readouterr().err


def test_a_file_that_is_no_table_is_named(tmp_path):
    (tmp_path / "rows.parquet").write_text("no")
    with pytest.raises(SafeLRMError, match="not a readable Parquet"):
        show.data_of(str(tmp_path / "rows.parquet"))


@settings(max_examples=40)
@given(st.text())
def test_no_character_that_a_terminal_obeys_is_left(text):
    assert not any(unicodedata.category(char) in UNSAFE for char in escaped(text))


def test_escapes_say_which_character_it_was():
    given = "a\x1b[31m\u202eb\u200bc\n\tü\U000e0041é中"
    assert escaped(given) == "a\\x1b[31m\\u202eb\\u200bc\\n\\tü\\U000e0041é中"


def test_parts_of_a_character_are_shown_together_and_lines_break_where_the_text_does(bytewise):
    ids = bytewise("é\nb", add_special_tokens=False)["input_ids"]
    assert len(ids) == 4
    lines = list(marked_lines(ids, [IGNORED] * 4, bytewise, [], coloured=False))
    assert lines == ["no loss | é·\\n", "        | b"]


@pytest.fixture
def bytewise(tmp_path):
    from family_models import FAMILIES, write_family  # noqa: PLC0415  (the environment is set by now)

    return weightless_policy(write_family(tmp_path / "model", FAMILIES["qwen3"])).tokenizer
