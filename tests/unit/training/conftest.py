"""What the stages sft and rl read, and a reader of completions, made once a module."""

import pytest
from training_fixtures import TEMPLATE, write_inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    # the environment is set by now
    from tiny_model import write_tiny_model  # noqa: PLC0415
    from transformers import AutoTokenizer  # noqa: PLC0415

    from safelrm.training.rewards.base import SampleReader  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("model")
    write_tiny_model(folder, chat_template=TEMPLATE)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    reader = SampleReader(tokenizer, frozenset([tokenizer.eos_token_id]), prefilled=True)
    reader.encode = lambda text: tokenizer(text)["input_ids"]
    return reader
