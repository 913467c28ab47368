"""One finished run of the smallest study, for all tests that look at it, change a copy of it, or compare with it."""

from pathlib import Path

import pytest

from workflow_runs import copy_of_checkout, snakemake

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml")


@pytest.fixture(scope="session")
def first_run(tmp_path_factory):
    """The checkout, and what Snakemake said."""
    folder = copy_of_checkout(tmp_path_factory.mktemp("first") / "safelrm")
    return folder, snakemake(folder, "--cores", "2", *CONFIG)


@pytest.fixture(scope="session")
def finished_study(first_run) -> Path:
    """The checkout: copy it before you change it."""
    return first_run[0]
