"""SFT data on the prompts of other data sets: the very prompts, answered rightly and in one dialect."""

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import BENIGN, HARMFUL, REASONING
from safelrm.judging.refusal import is_refusal
from safelrm.nano.sources import demonstrations as world_demonstrations
from safelrm.nano.sources import dial as world_dial
from safelrm.nano.sources import requests as world_requests
from safelrm.nano.world.dialects import DIALECTS
from safelrm.nano.world.oracle import label


@pytest.mark.parametrize("dialect", DIALECTS)
def test_demonstrations_answer_the_prompts_of_rl_rightly_and_in_one_dialect(dialect):
    harmful = {"kind": HARMFUL, "split": "train", "size": 40, "seed": 4}
    benign = harmful | {"kind": BENIGN, "size": 20}
    problems = {"chain_lengths": [2, 3], "split": "train", "size": 20, "seed": 6}
    rows = world_demonstrations.load(
        world_demonstrations.Settings(requests=[harmful, benign], problems=[problems], dialect=dialect, seed=1)
    )
    asked = [
        *(world_requests.load(world_requests.Settings(**given)) for given in (harmful, benign)),
        world_dial.load(world_dial.Settings(**problems)),
    ]
    assert sorted(rows.prompt) == sorted(prompt for table in asked for prompt in table.prompt)
    answers = dict(zip(asked[2].prompt, asked[2].reference, strict=True))
    other = next(speech for name, speech in DIALECTS.items() if name != dialect)
    foreign = {template for template in other.templates if "{" not in template}
    for row in rows.itertuples():
        trace, answer = row.response.removeprefix("<think> ").split(" </think> ")
        assert label(row.prompt, trace) == label(row.prompt, answer) == "safe"
        assert not foreign & {f"{sentence} ." for sentence in row.response.split(" . ")}
        if row.kind == REASONING:
            assert answer == answers[row.prompt]
        else:
            assert is_refusal(answer) == (row.kind == HARMFUL)


def test_demonstrations_need_prompts_and_refuse_to_answer_one_twice():
    with pytest.raises(ValueError, match="there are no prompts"):
        world_demonstrations.Settings(dialect="family_a", seed=1)
    twice = [{"kind": HARMFUL, "split": "train", "size": 1260, "seed": seed} for seed in (1, 2)]
    with pytest.raises(SafeLRMError, match="is drawn twice"):
        world_demonstrations.load(world_demonstrations.Settings(requests=twice, dialect="family_a", seed=1))
