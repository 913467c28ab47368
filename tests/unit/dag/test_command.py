"""Values of `--config`, as Snakemake hands them on and as commands read them."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.dag.command import configuration, given_config, typed

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(-1e6, 1e6)
    | st.from_regex(r"[a-z][a-z_./]{2,8}", fullmatch=True),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{3}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_what_snakemake_left_as_texts_is_read_as_yaml(value):
    text = yaml.safe_dump(value)
    as_snakemake = yaml.load(text, Loader=yaml.BaseLoader)
    assert typed(as_snakemake) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["", "2020-01-01", "a: b", "[", "${HOME}/x", "1e-6"])
def test_any_other_text_stays_as_it_is(text):
    assert typed({"key": [text]}) == {"key": [text]}


@given(st.dictionaries(st.from_regex(r"[a-z]{3}", fullmatch=True), VALUES, max_size=3))
def test_commands_read_what_snakemake_was_given(overrides):
    assert configuration(given_config(overrides)) == overrides


@pytest.mark.parametrize("entries", [["a=null", "a.b=2"], ["a=3", "a.b.c=2"], ["a.b=[1]", "a.b.c=2"], ["a=[", "a.b=1"]])
def test_an_entry_that_cannot_be_read_or_set_is_named(entries):
    with pytest.raises(SafeLRMError, match=r"'a(\.b\.c=2|\.b=2|=\[)'"):
        configuration(entries)


def test_a_later_entry_adds_to_a_section():
    assert configuration(["a={b: 1}", "a.c=2", "a=3"]) == {"a": 3}
    assert configuration(["a={b: 1}", "a.c=2"]) == {"a": {"b": 1, "c": 2}}
