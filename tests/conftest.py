"""One finished run of the smallest study, for all tests that look at it, change a copy of it, or compare with it."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from warm_python import SHARED
from workflow_runs import compiled, copy_of_checkout, snakemake

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml")

# how long an example takes says nothing about the code where the machine does other work
settings.register_profile("unhurried", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def modules_are_compiled():
    # processes side by side would all do the same
    with FileLock(Path(os.environ[SHARED], "compiled")) if os.environ.get(SHARED) else nullcontext():
        compiled()


@pytest.fixture(scope="session")
def first_run(tmp_path_factory) -> tuple[Path, str]:
    """The checkout, and what Snakemake said."""
    folder = Path(os.environ.get(SHARED) or tmp_path_factory.mktemp("first"))
    checkout, said = folder / "safelrm", folder / "said"
    with FileLock(folder / "lock"):
        if not said.exists():
            copy_of_checkout(checkout)
            said.write_text(snakemake(checkout, "--cores", "2", *CONFIG).stderr)
    return checkout, said.read_text()


@pytest.fixture(scope="session")
def finished_study(first_run) -> Path:
    """The checkout: copy it before you change it."""
    return first_run[0]
