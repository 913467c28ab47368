"""What the stages sft and rl read, written once a module."""

import pytest
from training_fixtures import write_inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder
