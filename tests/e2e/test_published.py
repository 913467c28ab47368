"""The results in this repository are those of its code and configuration."""

import pytest

from workflow_runs import ROOT, copy_of_checkout, snakemake

pytestmark = pytest.mark.e2e


def test_every_published_table_and_figure_can_be_made_again(tmp_path):
    clone = copy_of_checkout(tmp_path / "clone")
    said = snakemake(clone, "--cores", "2", "--", "verify").stdout
    assert "results/published/nano" in said
    assert "byte for byte" in said


def test_the_readme_shows_the_published_numbers():
    readme = (ROOT / "README.md").read_text()
    rows = (ROOT / "results/published/nano/tables/summary.md").read_text().split("\n\n")[0].splitlines()
    assert len(rows) > 2
    for row in rows:
        assert row in readme
