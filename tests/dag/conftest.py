"""A checkout in which every job seems to have run, to see what an edit makes Snakemake plan."""

from pathlib import Path

import pytest

from workflow_runs import copy_of_checkout, copy_of_folder, pretend_finished


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A checkout whose outputs exist, empty, and are recorded as made by the present rules."""
    folder = copy_of_checkout(tmp_path_factory.mktemp("checkout") / "safelrm")
    pretend_finished(folder)
    return folder


@pytest.fixture
def checkout(finished, tmp_path) -> Path:
    """A copy of the finished checkout, to edit."""
    return copy_of_folder(finished, tmp_path / "safelrm")
