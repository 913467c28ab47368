"""Texts of which it is known whether a base was trained on them."""

from functools import cache

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.nano.membership_settings import MembershipSettings
from safelrm.nano.settings import CorpusSettings
from safelrm.nano.sources import corpus, membership
from safelrm.nano.sources.membership import TABLE, load

SMALL = dict.fromkeys(("copying", "steps", "facts", "rulings"), 0)
CORPUS = CorpusSettings(**SMALL, problems=300, requests=300, seed=1)


@pytest.fixture(autouse=True, scope="module")
def _corpora_are_made_once():
    once = cache(corpus.load)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(membership.corpus, "load", once)
        yield


def texts(side: str, **changes):
    given = {"corpus": CORPUS, "other_seed": 2, "side": side} | changes
    return load(MembershipSettings.model_validate(given))


def in_corpus(seed: int) -> set[tuple[str, str]]:
    rows = corpus.load(CORPUS.model_copy(update={"seed": seed}))
    rows = rows[rows.prompt.notna()]
    return set(zip(rows.prompt, rows.text, strict=True))


@pytest.mark.parametrize("kind", ["request", "reasoning"])
def test_each_side_holds_what_only_its_own_corpus_holds(kind, tmp_path):
    members, others = texts("members", kind=kind), texts("others", kind=kind)
    own, fresh = in_corpus(1), in_corpus(2)
    for rows, wanted in ((members, own - fresh), (others, fresh - own)):
        pairs = set(zip(rows.prompt, rows.response, strict=True))
        assert pairs <= wanted and len(pairs) == len(rows)
        TABLE.write(tmp_path / "rows.parquet", rows)
        assert set(rows.kind) == ({"reasoning"} if kind == "reasoning" else {"harmful", "benign"})
    assert not set(members.prompt_id) & set(others.prompt_id)


def test_a_smaller_draw_is_part_of_a_larger_one_and_the_same_each_time():
    small, large = texts("members", size=20), texts("members", size=60)
    assert small.equals(large.head(20)) and large.equals(texts("members", size=60))


def test_more_than_there_is_and_equal_seeds_are_refused():
    with pytest.raises(SafeLRMError, match="100000 texts asked for"):
        texts("others", size=100000)
    with pytest.raises(ValueError, match="other_seed"):
        texts("members", other_seed=1)
