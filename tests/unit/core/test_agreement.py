"""Krippendorff's alpha: a published example, what it is on perfect agreement, and what must not change it."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core.agreement import alphas, pairable

LABELS = ("a", "b", "c")
# four observers of twelve units, of Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability"
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
PUBLISHED = [[None if label == "." else label for label in unit] for unit in zip(*OBSERVERS, strict=True)]
many_units = st.lists(st.lists(st.sampled_from([*LABELS, None]), min_size=3, max_size=3), min_size=1, max_size=20)
pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=2, max_size=20)


def krippendorff_alpha(units, labels, level="nominal", values=()):
    """Alpha of labels that coders gave to units; None where it is not defined."""
    place = {label: number for number, label in enumerate(labels)} | {None: -1}
    codes = np.array([[place[label] for label in unit] for unit in units], dtype=int)
    _, cells, weights = pairable(codes, len(labels))
    table = np.bincount(cells, weights=weights, minlength=len(labels) ** 2).reshape(len(labels), len(labels))
    found = float(alphas(table, level, values))
    return None if np.isnan(found) else found


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_the_published_example(level, alpha):
    found = krippendorff_alpha(PUBLISHED, "12345", level, values=(1, 2, 3, 4, 5))
    assert found == pytest.approx(alpha, abs=5e-4)


def test_alpha_of_two_coders_by_hand():
    # 7 of 10 agree; of the 20 labels 11 are a and 9 are b: expected disagreement 2 * 11 * 9 / (20 * 19)
    units = [("a", "a")] * 4 + [("b", "b")] * 3 + [("a", "b")] * 3
    assert krippendorff_alpha(units, "ab") == pytest.approx(1 - 0.3 / (2 * 11 * 9 / (20 * 19)))


@pytest.mark.parametrize("units", [[["a"]], [["a", None, None]], [["a", "a", None], ["a", None, "a"]]])
def test_alpha_is_not_defined_without_pairs_or_with_one_label(units):
    assert krippendorff_alpha(units, LABELS) is None


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=20))
def test_alpha_is_1_on_perfect_agreement(labels):
    found = krippendorff_alpha([[label] * 3 for label in labels], LABELS)
    assert found == (1 if len(set(labels)) > 1 else None)


@given(many_units)
def test_alpha_knows_neither_coders_nor_names(units):
    alpha = krippendorff_alpha(units, LABELS)
    for order in permutations(range(3)):
        assert krippendorff_alpha([[unit[place] for place in order] for unit in units], LABELS) == pytest.approx(alpha)
    other = dict(zip((*LABELS, None), ("x", "y", "z", None), strict=True))
    assert krippendorff_alpha([[other[label] for label in unit] for unit in units], "zxy") == pytest.approx(alpha)
    # a unit that one coder saw says nothing
    assert krippendorff_alpha([*units, ["a", None, None]], LABELS) == alpha
    for level in ("nominal", "ordinal", "interval"):
        found = krippendorff_alpha(units, LABELS, level, (0, 1, 2))
        assert found is None or found <= 1
        assert (found is None) == (alpha is None)


@given(pairs)
def test_alpha_of_two_coders_is_scotts_pi_of_a_small_sample(units):
    # Krippendorff (2011): alpha = pi + (1 - pi) / (2 n), for two coders who label all n units
    labels = [label for unit in units for label in unit]
    expected = sum((labels.count(label) / len(labels)) ** 2 for label in LABELS)
    alpha = krippendorff_alpha(units, LABELS)
    if len(set(labels)) == 1:
        assert alpha is None
        return
    pi = (sum(a == b for a, b in units) / len(units) - expected) / (1 - expected)
    assert alpha == pytest.approx(pi + (1 - pi) / (2 * len(units)))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab")), min_size=1, max_size=20))
def test_two_labels_have_no_level(units):
    assert krippendorff_alpha(units, "ab", "ordinal") == pytest.approx(krippendorff_alpha(units, "ab"))
