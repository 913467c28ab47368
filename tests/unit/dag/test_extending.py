"""The study that opens docs/extending.md is one that the workflow takes."""

import json
import textwrap
from pathlib import Path

import pytest
import yaml
from tiny_model import write_tiny_model

from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/extending.md").read_text()


@pytest.fixture
def example(tmp_path, monkeypatch) -> str:
    """The configuration, in a folder that has what it names."""
    monkeypatch.chdir(tmp_path)
    for name in ("Qwen3-0.6B", "granite-guardian"):
        made = write_tiny_model(tmp_path / name)
        (tmp_path / "models").mkdir(exist_ok=True)
        (made.parent / "model").rename(tmp_path / "models" / name)
    Path("questions.csv").write_text("question,topic,label\nHow do I lift a lid?,lids,good\n")
    Path("answers.jsonl").write_text(json.dumps({"question": "Why?", "answer": "<think> so </think> So."}))
    text = PAGE[PAGE.index("    name: mine") :].partition("\n\n")[0]
    return textwrap.dedent(text)


def test_the_example_is_a_study(example):
    study = load_study(yaml.safe_load(example), "mine.yaml")
    assert {arm.name for arm in study.arms} == {"base", "sft-answers"}
    targets = Plan(study).targets()
    assert "results/mine/tables/summary.md" in targets


def test_it_is_as_short_as_the_page_says(example):
    assert "Thirty lines" in PAGE
    assert len(example.splitlines()) <= 33


def test_every_example_that_the_page_links_is_there():
    linked = [part.partition(")")[0] for part in PAGE.split("](")[1:]]
    missing = [name for name in linked if not (ROOT / "docs" / name.partition("#")[0]).resolve().exists()]
    assert not missing
