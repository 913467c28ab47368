"""The trace analysis reflection: counts, rates and places of markers, of all, safe and unsafe traces."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollout_fixtures import rollouts

from safelrm.analysis.analyse import analysis_table
from safelrm.analysis.traces import reflection
from safelrm.analysis.traces.reflection import MEASURES, Settings, analyse
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_KEY

TEXTS = (("wait , a b but c", "yes"), ("Butter is fine", "wait"), (None, "but no"), ("but a wait", "yes"), ("x", "y"))
SAID = ("safe", "unsafe", "unscored", "unsafe", "unscored")


def verdicts(rows: pd.DataFrame, said=SAID, **changes: object) -> pd.DataFrame:
    """What a judge says of traces and, to be left alone, of answers and in another field."""
    of = {"judge": "g", "field": "safety", "part": "t", "score": None, "state": "scored"}
    traces = rows[[*ROLLOUT_KEY, "kind", "category"]].assign(verdict=list(said), **of)
    others = [traces.assign(part="y", verdict="safe"), traces.assign(field="refusal", verdict="refusal")]
    return pd.concat([traces, *others], ignore_index=True).assign(**changes)


def measured(rows: pd.DataFrame, *, said=SAID, **settings: object) -> pd.DataFrame:
    """The values by rollout and measure, as the stage checks them."""
    found = analyse(rows, Settings(**settings), verdicts=verdicts(rows, said))
    optional = {name: entry.get("optional", False) for name, entry in MEASURES.items()}
    table = analysis_table(rows, found, "reflection", optional, reflection.__name__)
    assert set(table.part) == {"t"}
    return table.pivot(index="prompt_id", columns="measure", values="value")


def test_counts_rates_and_places():
    table = measured(rollouts(texts=TEXTS))
    assert table.reflections.tolist() == pytest.approx([2, 0, math.nan, 2, 0], nan_ok=True)
    # tokens are words in these rollouts
    assert table.per_1000_tokens.tolist() == pytest.approx([2000 / 6, 0, math.nan, 2000 / 3, 0], nan_ok=True)
    # "wait" at 0 and "but" at 11 of 16 characters; "but" at 0 and "wait" at 6 of 10
    assert table.position.tolist() == pytest.approx([5.5 / 16, math.nan, math.nan, 0.3, math.nan], nan_ok=True)


def test_safe_and_unsafe_traces_are_told_apart():
    table = measured(rollouts(texts=TEXTS))
    assert table.reflections_safe.dropna().to_dict() == {"p0": 2}
    assert table.reflections_unsafe.dropna().to_dict() == {"p1": 0, "p3": 2}
    assert table.position_unsafe.dropna().to_dict() == {"p3": pytest.approx(0.3)}
    assert table.per_1000_tokens_safe.dropna().to_dict() == {"p0": pytest.approx(2000 / 6)}


def test_what_the_judge_does_not_judge_has_no_split():
    """A guard reads no reasoning prompts: they have counts all the same."""
    rows = rollouts(texts=TEXTS)
    said = verdicts(rows)
    found = analyse(rows, Settings(), verdicts=said[said.prompt_id == "p0"])
    split = found[found.measure == "reflections_safe"].set_index("prompt_id").value
    assert split.dropna().to_dict() == {"p0": 2}
    assert found[found.measure == "reflections"].value.notna().sum() == 4


def test_own_markers_and_a_published_list():
    rows = rollouts(texts=(("Hmm . or rather this", "y"), ("Okay <think> a", "y")))
    assert measured(rows, said=("safe", "safe"), markers=["or rather"]).reflections.tolist() == [1, 0]
    assert measured(rows, said=("safe", "safe"), markers="r2mu").reflections.tolist() == [1, 2]


def test_a_model_without_traces_has_no_values():
    rows = rollouts(texts=((None, "yes"), (None, "no")))
    assert measured(rows, said=("unscored", "unscored")).isna().all(axis=None)


@given(st.lists(st.sampled_from(["wait", "but", "a", "waiting", "."]), min_size=1, max_size=30))
def test_a_trace_of_words_is_counted_as_by_hand(words):
    rows = rollouts(texts=((" ".join(words), "y"),))
    found = measured(rows, said=("unsafe",), markers=["wait", "but"]).iloc[0]
    places = [len(" ".join([*words[:place], ""])) for place, word in enumerate(words) if word in ("wait", "but")]
    assert found.reflections == found.reflections_unsafe == len(places)
    assert found.per_1000_tokens == pytest.approx(1000 * len(places) / len(words))
    if places:
        assert found.position == pytest.approx(sum(places) / len(places) / len(" ".join(words)))
        assert 0 <= found.position < 1
    else:
        assert math.isnan(found.position)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"judge": ["g", "h"] * 6 + ["g"] * 3}, "name one judge"),
        ({"field": "refusal"}, "does not say whether traces are safe"),
        ({"part": "y"}, "does not say whether traces are safe"),
    ],
)
def test_verdicts_that_part_no_traces_are_refused(changes, said):
    rows = rollouts(texts=TEXTS)
    with pytest.raises(SafeLRMError) as error:
        analyse(rows, Settings(), verdicts=verdicts(rows, **changes))
    assert said in str(error.value)
