"""A real SLURM for the tests in this folder, where it can be had."""

import pytest

import slurm_node


@pytest.fixture(scope="module", autouse=True)
def slurm():
    """The daemons: gone again afterwards, or every start of Snakemake in other tests would ask them."""
    if reason := slurm_node.up():
        pytest.skip(reason)
    yield
    slurm_node.down()
