"""A machine on which nothing is installed yet, with indexes of its own."""

import pytest
from machine_fixtures import Machine
from stand_in_index import served


@pytest.fixture
def machine(tmp_path):
    (tmp_path / "served/pypi").mkdir(parents=True)
    with served(tmp_path / "served") as (url, asked):
        yield Machine(tmp_path, url, asked)
