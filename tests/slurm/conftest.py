"""A real SLURM for the tests in this folder, where it can be had."""

import importlib.util
import os

import pytest

import slurm_node


@pytest.fixture(scope="session", autouse=True)
def slurm():
    """The daemons, until the last test of this folder has ended."""
    if os.environ.get("SAFELRM_TEST_SLURM") != "1":
        pytest.skip("SAFELRM_TEST_SLURM is not 1: it installs and starts a SLURM, as root")
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the plugin is not installed: make env EXTRA=slurm")
    if reason := slurm_node.up():
        pytest.skip(reason)
    yield
    slurm_node.down()
