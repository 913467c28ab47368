"""A checkout in which every job seems to have run, to see what an edit makes Snakemake plan."""

import shutil
from pathlib import Path

import pytest

from workflow_runs import copy_of_checkout, planned, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A checkout whose outputs exist, empty, and are recorded as made by the present rules."""
    folder = copy_of_checkout(tmp_path_factory.mktemp("checkout") / "safelrm")
    for line in snakemake(folder, "--summary").stdout.splitlines()[1:]:
        if "\t" not in line:
            continue
        path = folder / line.split("\t")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.name}\n")
    snakemake(folder, "--touch", "--forceall", "--cores", "1")
    assert planned(folder) == set()
    return folder


@pytest.fixture
def checkout(finished, tmp_path) -> Path:
    """A copy of the finished checkout, to edit."""
    return Path(shutil.copytree(finished, tmp_path / "safelrm", symlinks=True))
