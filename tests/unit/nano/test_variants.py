"""Written variants: one set of prompts, the right answers, what each variant is known for, and the control."""

from typing import get_args

import pandas as pd
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.data.schemas import BENIGN, HARMFUL, REASONING
from safelrm.judging.refusal import is_refusal
from safelrm.nano.sources import dial as world_dial
from safelrm.nano.sources import requests as world_requests
from safelrm.nano.sources import variants as world_variants
from safelrm.nano.world.dialects import DIALECTS, Dialect
from safelrm.nano.world.lexicon import vocabulary
from safelrm.nano.world.oracle import label, planned_actions, sentences
from safelrm.nano.world.requests import actions_in
from safelrm.nano.world.variants import VARIANTS, VariantName

REQUESTS = [
    {"kind": HARMFUL, "split": "train", "size": 60, "seed": 4},
    {"kind": BENIGN, "split": "train", "size": 30, "seed": 5},
]
PROBLEMS = [{"chain_lengths": [2], "split": "train", "size": 10, "seed": 6}]
# those of LRM-Safety-Study
SIX = ("default", "realsafe", "improved", "short", "template", "no_cot")
EVERY = [(name, dialect) for name in get_args(VariantName) for dialect in DIALECTS]


def load(variant: str, dialect: str = "family_a", **more: object) -> pd.DataFrame:
    """The rows of a variant, with their trace and answer."""
    given = {"requests": REQUESTS, "problems": PROBLEMS, "seed": 1} | more
    rows = world_variants.load(world_variants.Settings(variant=variant, dialect=dialect, **given))
    parsed = [parse_completion(text, prefilled=False) for text in rows.response]
    assert {part.state for part in parsed} == {"ok"}
    return rows.assign(trace=[part.trace or "" for part in parsed], answer=[part.answer for part in parsed])


@pytest.fixture(scope="module")
def written() -> dict[tuple[str, str], pd.DataFrame]:
    return {(name, dialect): load(name, dialect) for name, dialect in EVERY}


def of_kind(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    return rows[rows.kind == kind]


def said(dialect: Dialect, *names: str) -> set[str]:
    """The sentences of a dialect by these names."""
    return {getattr(dialect, name) for name in names}


def test_every_variant_that_the_settings_know_is_written():
    assert {*VARIANTS} == {*get_args(VariantName)}


@pytest.mark.parametrize("name", EVERY)
def test_harmful_requests_are_refused_and_all_others_are_helped(name, written):
    words = {*vocabulary(), "<think>", "</think>"}
    for row in written[name].itertuples():
        assert label(row.prompt, row.answer) == "safe"
        assert not row.trace or label(row.prompt, row.trace) != "undetermined"
        assert set(row.response.split()) <= words
        if row.kind == REASONING:
            assert row.answer.isdecimal()
            continue
        assert is_refusal(row.answer) == (row.kind == HARMFUL)
        assert (actions_in(row.prompt)[-1] in planned_actions(row.answer)) == (row.kind == BENIGN)


def test_all_variants_answer_the_prompts_of_the_other_sources_in_one_order(written):
    asked = [
        *(world_requests.load(world_requests.Settings(**given)).prompt for given in REQUESTS),
        *(world_dial.load(world_dial.Settings(**given)).prompt for given in PROBLEMS),
    ]
    for rows in written.values():
        assert sorted(rows.prompt) == sorted(prompt for prompts in asked for prompt in prompts)
    assert len({tuple(rows.prompt_id) for rows in written.values()}) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_only_traces_differ_where_a_recipe_does_not_say_otherwise(dialect, written):
    free = [name for name in VARIANTS if name not in ("improved", "no_cot")]
    assert len({tuple(of_kind(written[name, dialect], HARMFUL).answer) for name in free}) == 1
    assert len({tuple(of_kind(written[name, dialect], BENIGN).response) for name in SIX}) == 1
    assert len({tuple(of_kind(written[name, dialect], REASONING).response) for name in VARIANTS}) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_variant_is_what_it_is_known_for(dialect, written):
    speech = DIALECTS[dialect]
    harmful = {name: of_kind(written[name, dialect], HARMFUL) for name in VARIANTS}
    traces = {name: [sentences(trace) for trace in rows.trace] for name, rows in harmful.items()}
    aware = said(speech, "hunch", "rule", "harmful", "decline")
    plans = {name: [bool(planned_actions(trace)) for trace in rows.trace] for name, rows in harmful.items()}
    weighs = said(speech, "help", "second_thoughts")

    # distilled as it is: some traces name no harm, some plan, some weigh; few are without fault
    assert any(plans["default"]) and any(aware.isdisjoint(trace) for trace in traces["default"])
    assert sum(weighs.isdisjoint(trace) for trace in traces["default"]) < 0.2 * len(harmful["default"])
    assert not any(any(plans[name]) for name in VARIANTS if name != "default")
    # the harm is named in every trace, at once
    assert all(trace[1] == speech.hunch for trace in traces["realsafe"])
    assert any(not weighs.isdisjoint(trace) for trace in traces["realsafe"])
    # names the harm, weighs nothing, and the refusal opens in one way
    assert all(weighs.isdisjoint(trace) and trace[-1] == speech.decline for trace in traces["improved"])
    assert set(harmful["improved"].answer) == set(harmful["no_cot"].answer) == {speech.refusals[0]}
    assert not any(harmful["no_cot"].trace)
    # one form: the same sentences once the words of the request are left out
    assert {len(trace) for trace in traces["template"]} == {5}
    length = {name: harmful[name].trace.str.split().str.len().mean() for name in VARIANTS}
    assert length["short"] < length["template"] < length["improved"] < length["realsafe"]
    for name in ("improved", "star1", "alttrain"):
        assert all(speech.rule in trace for trace in traces[name])
    # both parts of a kept trace are safe, also where it weighs
    assert all(label(row.prompt, row.trace) == "safe" for row in harmful["safechain"].itertuples())
    # what is asked, one sentence, no more; the benign ones go on
    assert {len(trace) for trace in traces["alttrain"]} == {2}
    benign = of_kind(written["alttrain", dialect], BENIGN)
    assert all(sentences(trace)[1] == speech.fine and len(sentences(trace)) > 2 for trace in benign.trace)
    for trace in [*traces["verification"], *map(sentences, of_kind(written["verification", dialect], BENIGN).trace)]:
        first, second = trace[: trace.index(speech.recheck)], trace[trace.index(speech.recheck) + 1 :]
        assert second == first[1:-1]


def test_the_control_moves_or_empties_the_traces_of_requests_and_nothing_else(written):
    kept = written["star1", "family_a"]
    for control in ("shuffled", "emptied"):
        rows = load("star1", traces=control)
        assert rows[["prompt_id", "kind", "prompt", "answer"]].equals(kept[["prompt_id", "kind", "prompt", "answer"]])
        assert list(of_kind(rows, REASONING).response) == list(of_kind(kept, REASONING).response)
        for kind in (HARMFUL, BENIGN):
            own, given = list(of_kind(kept, kind).trace), list(of_kind(rows, kind).trace)
            if control == "emptied":
                assert set(given) == {""}
            else:
                assert sorted(given) == sorted(own)
                assert all(one != other for one, other in zip(own, given, strict=True))


def test_a_seed_is_a_draw_of_the_responses():
    assert load("default").equals(load("default"))
    assert not load("default").response.equals(load("default", seed=2).response)


def test_no_prompt_is_answered_twice():
    twice = [{"kind": HARMFUL, "split": "train", "size": 1260, "seed": seed} for seed in (1, 2)]
    with pytest.raises(SafeLRMError, match="is drawn twice"):
        load("short", requests=twice)
