"""Which rows a step of SFT takes, and how its tokens are counted."""

from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import granite_hybrid, qwen3, write_tiny_model
from training_fixtures import TEMPLATE, conversations, run_paths

from safelrm.core.errors import SafeLRMError
from safelrm.models.schemas import CURVES
from safelrm.training.batches import LengthSampler, require_separate_rows
from safelrm.training.settings import SftSettings
from safelrm.training.supervised import train

SIZE = 8


def at_step(step):
    return SimpleNamespace(state=SimpleNamespace(global_step=step))


def order(lengths, size, seed, step):
    return list(LengthSampler(lengths, size, seed=seed, trainer=at_step(step)))


def padding(lengths, rows, size):
    batches = [[lengths[row] for row in rows[start : start + size]] for start in range(0, len(rows), size)]
    return 1 - sum(lengths) / sum(max(batch) * len(batch) for batch in batches)


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=90), size=st.integers(1, 20), seed=st.integers(0, 2**31)
)
def test_an_epoch_has_each_row_once_and_its_short_step_last(lengths, size, seed):
    rows = order(lengths, size, seed, 0)
    assert sorted(rows) == list(range(len(lengths)))
    assert order(lengths, size, seed, 0) == rows
    # the middle of an epoch knows the order of its beginning
    steps = -(-len(lengths) // size)
    assert order(lengths, size, seed, steps - 1) == rows
    assert sorted(order(lengths, size, seed, steps)) == sorted(rows)


def test_rows_of_a_step_have_nearly_one_length_and_epochs_differ():
    lengths = [20 + (37 * number) % 101 for number in range(480)]
    rows = order(lengths, 16, 1, 0)
    assert padding(lengths, rows, 16) < 0.1
    assert padding(lengths, range(480), 16) > 0.2
    assert order(lengths, 16, 1, 30) != rows
    assert order(lengths, 16, 2, 0) != rows
    # steps do not go from long to short rows
    means = [sum(lengths[row] for row in rows[start : start + 16]) for start in range(0, 480, 16)]
    assert sum(later > sooner for sooner, later in pairwise(means)) > 8


@pytest.fixture(scope="module")
def curve(tmp_path_factory):
    """The curve of a run on rows of 8 different lengths, by its name; a run of a name is run once."""
    folder = tmp_path_factory.mktemp("runs")
    base = write_tiny_model(folder / "base", chat_template=TEMPLATE)
    rows = conversations(SIZE)
    rows["response"] = [f"<think> {'w2 ' * (1 + 4 * number)}</think> w4" for number in range(SIZE)]

    def curve(name, **changes):
        paths = run_paths(folder, name)
        recipe = {"dataset": "d", "epochs": 2, "batch_size": 2, "learning_rate": 1e-2, "max_length": 64}
        settings = SftSettings.model_validate(recipe | changes)
        train(rows, settings, checkpoint=base, seed=0, **paths)
        return CURVES.read(paths["curve"]).pivot(index="step", columns="metric", values="value")

    return cache(curve)


def test_tokens_are_counted_without_padding(curve):
    found = curve("random")
    # a user's turn of 4 words, a mark, and a response of 4 words and the words of the trace
    tokens = sum(4 + 1 + 4 + 1 + 4 * number for number in range(SIZE))
    assert found["tokens_trained"].is_monotonic_increasing
    assert found["tokens_trained"].iloc[3] == tokens
    assert found["tokens_trained"].iloc[-1] == 2 * tokens
    assert found["padding_share"].between(0, 1).all()


def test_rows_of_like_length_need_less_padding(curve):
    by_length = curve("by_length", batching="by_length")
    assert by_length["padding_share"].mean() < curve("random")["padding_share"].mean()


def test_rows_end_to_end_train_as_rows_with_padding(curve):
    packed, padded = curve("packed", padding_free=True), curve("random")
    assert (packed["padding_share"] == 0).all()
    assert list(packed["tokens_trained"]) == list(padded["tokens_trained"])
    assert list(packed["loss"]) == pytest.approx(list(padded["loss"]), rel=1e-3)


def test_a_model_that_mixes_rows_is_told_from_one_that_does_not():
    require_separate_rows(qwen3())
    with pytest.raises(SafeLRMError, match="change each other") as error:
        require_separate_rows(granite_hybrid())
    assert error.value.key == "padding_free"
