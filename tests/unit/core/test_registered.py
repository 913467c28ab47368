"""Modules that the configuration names: what is wrong with one is one error with its place."""

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of a name of its own, which can be imported."""
    monkeypatch.syspath_prepend(tmp_path)

    def module(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return module


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("no_syntax", "import sys\ndef load(:\n", ["no_syntax.py", "line 2"]),
        ("no_package", "\nimport not_there_at_all\n", ["no_package", "line 2", "not_there_at_all"]),
        ("raises", "x = 1\ny = 1 / 0\n", ["raises", "line 2", "ZeroDivisionError"]),
        ("lacks", "def load(): ...\n", ["lacks", "does not define ['Settings']"]),
    ],
)
def test_a_broken_module_is_named_with_the_line(module, name, text, said):
    with pytest.raises(SafeLRMError) as caught:
        load_registered(module(name, text), "Settings", "load")
    assert all(part in str(caught.value) for part in (*said, "fix:"))


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(SafeLRMError, match=r"no_such\.module: there is no such module"):
        load_registered("no_such.module")


def test_a_sound_module_is_given(module):
    assert load_registered(module("sound", "VALUE = 1\n"), "VALUE").VALUE == 1
