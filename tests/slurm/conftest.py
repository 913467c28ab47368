"""A real SLURM for the tests in this folder, where it can be had."""

import pytest

import slurm_node


@pytest.fixture(scope="module", autouse=True)
def slurm(request):
    """The daemons, of as many nodes as a module's NODES: gone again afterwards, or every Snakemake would ask them."""
    if reason := slurm_node.up(getattr(request.module, "NODES", 1)):
        pytest.skip(reason)
    yield
    slurm_node.down()
