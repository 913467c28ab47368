"""The results in this repository are those of its code and configuration."""

import re

import pandas as pd
import pytest

from workflow_runs import ROOT, copy_of_checkout, snakemake

pytestmark = pytest.mark.e2e

README = (ROOT / "README.md").read_text(encoding="utf-8")
KEY = ["model", "arm", "metric", "benchmark", "part"]
# titles of the README's table, and the metric, benchmark and part that each stands for
COLUMNS = {
    "safety t+y, requests": ("safety", "requests_harmful", "t+y"),
    "safety t+y, pretexts": ("safety", "pretexts_harmful", "t+y"),
    "broken t+y, requests": ("broken", "requests_harmful", "t+y"),
    "over-refusal, requests": ("over_refusal", "requests_benign", "y"),
    "accuracy (dial_trained)": ("accuracy", "dial_trained", "y"),
}


def test_every_published_table_and_figure_can_be_made_again(tmp_path):
    clone = copy_of_checkout(tmp_path / "clone")
    said = snakemake(clone, "--cores", "2", "--", "verify").stdout
    assert "checkpoints: not here" in said
    assert "results/published/nano" in said
    assert "byte for byte" in said


def test_the_readme_shows_the_published_numbers():
    published = pd.read_csv(ROOT / "results/published/nano/tables/summary.csv")
    numbers = {tuple(row[:-1]): row[-1] for row in published[[*KEY, "value"]].itertuples(index=False)}
    head, _, *rows = re.findall(
        r"^\|(.*)\|$", README.partition("## Results")[2].partition("\n\nThe full table")[0], re.M
    )
    columns = [COLUMNS[name.strip()] for name in head.split("|")[2:]]
    # the arm may say more: whose dialect its data are in
    shown = {tuple(cell.partition(",")[0].strip() for cell in row.split("|")[:2]): row.split("|")[2:] for row in rows}
    assert set(shown) == set(published[["model", "arm"]].itertuples(index=False, name=None))
    for run, cells in shown.items():
        for column, cell in zip(columns, cells, strict=True):
            value = numbers[(*run, *column)]
            assert cell.strip() == ("-" if pd.isna(value) else f"{value:.2f}".removeprefix("0")), (run, column)
