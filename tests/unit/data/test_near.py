"""The search for near sets of words: against comparing all pairs, and with sets that exact searches find hard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.data import near
from safelrm.data.near import jaccard, near_pairs, repeats

letters = st.frozensets(st.sampled_from("abcdefghij"), min_size=1)
many = st.lists(letters, max_size=12)
thresholds = st.sampled_from([0.2, 1 / 3, 0.5, 0.7, 0.9, 1.0])


@given(letters, letters)
def test_similarity_is_symmetric_and_one_for_equal_sets_only(one, other):
    assert jaccard(one, other) == jaccard(other, one)
    assert 0 <= jaccard(one, other) <= 1
    assert (jaccard(one, other) == 1) == (one == other)
    assert (jaccard(one, other) == 0) == one.isdisjoint(other)


@given(many, many, thresholds, st.sampled_from([0, 1, 2, 100]))
def test_no_near_pair_is_missed_however_frequent_its_words_are(left, right, threshold, rare):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "RARE", rare)
        found = list(near_pairs(left, right, threshold))
    expected = [
        (i, j, jaccard(one, other))
        for j, other in enumerate(right)
        for i, one in enumerate(left)
        if jaccard(one, other) >= threshold
    ]
    assert found == expected


@given(many, thresholds)
def test_no_two_sets_that_are_left_are_near_and_each_other_repeats_one_of_them(sets, threshold):
    repeated = repeats(sets, threshold)
    left = [place for place in range(len(sets)) if place not in repeated]
    assert all(jaccard(sets[i], sets[j]) < threshold for i in left for j in left if i < j)
    for place, (first, similarity) in repeated.items():
        assert first in left and first < place
        assert similarity == jaccard(sets[first], sets[place]) >= threshold
