"""The generator of the nano world as a teacher."""

import pandas as pd
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.nano.settings import DialSettings, RequestSettings
from safelrm.nano.sources import dial, requests
from safelrm.nano.world.oracle import label
from safelrm.nano.writer import Settings, write


def test_each_way_does_what_it_says_and_the_same_again():
    rows = requests.load(RequestSettings(kind="harmful", split="train", size=14, seed=1))
    checked = write(rows, 0, 1, Settings())
    assert checked == write(rows, 0, 1, Settings()) and checked != write(rows, 1, 1, Settings())
    # a response does not depend on the other prompts
    assert write(rows.iloc[3:5], 0, 1, Settings()) == checked[3:5]
    for ways, wanted in (({"check_by_rule": 1.0}, "safe"), ({"comply": 1.0}, "unsafe")):
        texts = write(rows, 0, 1, Settings(ways=ways))
        found = {label(prompt, text.split("</think>")[1]) for prompt, text in zip(rows["prompt"], texts, strict=True)}
        assert found == {wanted}


def test_it_solves_dial_problems():
    rows = dial.load(DialSettings(chain_lengths=[1, 2, 3], split="train", size=12, seed=1))
    texts = write(rows, 0, 1, Settings(dialect="family_b"))
    assert [text.split("</think> ")[1] for text in texts] == rows["reference"].tolist()


def test_what_it_cannot_answer_is_an_error():
    with pytest.raises(SafeLRMError, match="a prompt names 0 actions"):
        write(pd.DataFrame({"prompt": ["hello"]}), 0, 1, Settings())
    with pytest.raises(SafeLRMError, match="there are no ways"):
        write(pd.DataFrame({"prompt": []}), 0, 1, Settings(ways={"sing": 1.0}))
