"""Command lines: named paths, settings as JSON, and errors as one message."""

import pytest
from pydantic import Field

from safelrm.core.cli import named_paths, parse_settings, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Strict


class Example(Strict):
    size: int = Field(ge=1)


def test_named_paths_keep_their_order():
    assert list(named_paths("--x", ["b=1.parquet", "a=2=3.parquet"]).items()) == [
        ("b", named_paths("--x", ["b=1.parquet"])["b"]),
        ("a", named_paths("--x", ["a=2=3.parquet"])["a"]),
    ]


@pytest.mark.parametrize("argument", ["a.parquet", "=a.parquet", "a="])
def test_a_malformed_path_is_refused(argument):
    with pytest.raises(SafeLRMError, match="not of the form name=path"):
        named_paths("--x", [argument])


def test_a_name_given_twice_is_refused():
    with pytest.raises(SafeLRMError, match="given twice"):
        named_paths("--x", ["a=1", "a=2"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "not JSON"), ('{"size": 0}', "size"), ('{"size": 1, "sise": 2}', "sise"), ('{"size": "1"}', "size")],
)
def test_bad_settings_are_named(text, expected):
    with pytest.raises(SafeLRMError, match=expected):
        parse_settings(Example, text)


def test_an_error_is_one_message_and_a_failure(capsys):
    def fail():
        raise SafeLRMError("is wrong", file="x.csv", key="column", fix="mend it")

    with pytest.raises(SystemExit) as caught:
        run(fail)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: x.csv: column: is wrong\n  fix: mend it\n"
