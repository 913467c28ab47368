"""Revisions are filled in where they are missing, and nothing else of the file changes."""

import json
import sys

import pytest
import yaml
from fake_hub import Repository, run_module, serving

from safelrm.core.errors import SafeLRMError
from safelrm.operations.revisions import fill, find_blanks

A, B, C = (digit * 40 for digit in "abc")
TEXT = f"""\
# a study
name: x
datasets:
  known:   # its revision is open
    source: safelrm.data.sources.conversations
    settings: {{hub: UCSC-VLAA/STAR-1, revision: null}}
  shared:
    source: safelrm.data.sources.table
    settings: &shared
      hub: acme/shared
      revision: null  # open
  part:
    source: safelrm.data.sources.table
    settings: {{<<: *shared, split: test}}
  asks:
    source: safelrm.data.sources.table
    settings:
      hub: acme/asks   # a remark
      columns: {{prompt: goal}}
  inline:
    source: safelrm.data.sources.table
    settings: {{hub: acme/asks}}
  given:
    source: safelrm.data.sources.table
    settings: {{hub: acme/asks, revision: {C}}}
  file:
    source: safelrm.data.sources.table
    settings: {{hub: acme/asks, path: here.csv}}
  world:
    source: safelrm.nano.sources.dial
    settings: {{size: 3}}
models:
  small:
    hub: &small
      repo: acme/small
      revision: null  # not known yet
      shape: {{parameters:   1.0}}
  same: {{hub: *small}}
  other:
    hub: {{<<: *small, repo: acme/other, revision: ~}}
guards:
  judge:
    hub:
      revision:
      repo: "acme/judge"
"""


def filled(text: str) -> str:
    blanks = find_blanks(text)
    commits = {
        "UCSC-VLAA/STAR-1": A,
        "acme/shared": C,
        "acme/asks": B,
        "acme/small": C,
        "acme/other": A,
        "acme/judge": B,
    }
    return fill(text, blanks, {blank.position: commits[blank.repo] for blank in blanks})


def test_blanks_are_filled_in_place():
    expected = TEXT
    for old, new in (
        ("STAR-1, revision: null}", f"STAR-1, revision: {A}}}"),
        ("revision: null  # open", f"revision: {C}  # open"),
        ("hub: acme/asks   # a remark", f"hub: acme/asks\n      revision: {B}   # a remark"),
        ("{hub: acme/asks}", f"{{hub: acme/asks, revision: {B}}}"),
        ("revision: null  # not", f"revision: {C}  # not"),
        ("revision: ~", f"revision: {A}"),
        ("revision:\n", f"revision: {B}\n"),
    ):
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert filled(TEXT) == expected


def test_what_is_filled_has_no_blanks():
    assert find_blanks(filled(TEXT)) == []


def test_blanks_name_their_keys():
    assert [blank.key for blank in find_blanks(TEXT)] == [
        "datasets.known.settings.revision",
        # of two entries that share a text, the later one names it
        "datasets.part.settings.revision",
        "datasets.asks.settings.revision",
        "datasets.inline.settings.revision",
        "models.same.hub.revision",
        "models.other.hub.revision",
        "guards.judge.hub.revision",
    ]


PRESETS = f"""\
datasets:
  inline: {{preset: star1}}
  block:
    preset: attaq   # a remark
    expected: {{rows: 3}}
  settings: {{preset: star1, settings: {{size: 3}}}}
  anchored:
    preset: gsm8k
    settings: &gsm8k
      split: train
      size: 3
  merged: {{preset: gsm8k, settings: {{<<: *gsm8k, split: test}}}}
  open: {{preset: star1, settings: {{revision: null, size: 3}}}}
  given: {{preset: star1, settings: {{revision: {C}}}}}
  known: {{preset: simple_safety_tests}}
  file: {{preset: star1, settings: {{path: here.json}}}}
  facts: {{preset: star_benign_915}}
  fact:
    preset: lrm_safety_study_short
    settings:
      revision: null
      size: 3
"""


def test_presets_of_data_sets_are_filled_in_place():
    blanks = find_blanks(PRESETS)
    text = fill(PRESETS, blanks, {blank.position: A if blank.settings.get("columns") else B for blank in blanks})
    expected = PRESETS
    for old, new in (
        ("inline: {preset: star1}", f"inline: {{preset: star1, settings: {{revision: {A}}}}}"),
        ("preset: attaq ", f"preset: attaq\n    settings: {{revision: {A}}} "),
        ("settings: {preset: star1, settings: {size", f"settings: {{preset: star1, settings: {{revision: {A}, size"),
        ("      split: train", f"      revision: {A}\n      split: train"),
        ("{<<: *gsm8k, split", f"{{revision: {A}, <<: *gsm8k, split"),
        ("{revision: null, size", f"{{revision: {A}, size"),
        ("{preset: star_benign_915}", f"{{preset: star_benign_915, settings: {{revision: {A}}}}}"),
        ("      revision: null\n", f"      revision: {A}\n"),
    ):
        assert expected.count(old) == 1, old
        expected = expected.replace(old, new)
    assert text == expected
    assert yaml.safe_load(text)["datasets"]["merged"]["settings"] == {"revision": A, "split": "test", "size": 3}
    assert [blank.key for blank in find_blanks(text)] == [
        "datasets.facts.settings.columns.prompt",
        "datasets.fact.settings.hub_file",
    ]


LACKING = """\
datasets:
  benign:
    preset: star_benign_915
    settings:
      # a remark
      size: 2
  short: {preset: lrm_safety_study_short}
"""


@pytest.fixture
def data_hub():
    with serving() as hub:
        rows = [{"id": 1, "question": "w1 w2", "response": "w3", "score": 2}]
        hub.repositories["datasets/UCSC-VLAA/STAR-benign-915"] = Repository({"train.json": json.dumps(rows).encode()})
        files = dict.fromkeys(("sft/sft_train_short.json", "sft/sft_train_default.json", "README.md"), b"[]")
        hub.repositories["datasets/thu-coai/LRM-Safety-Study"] = Repository(files)
        yield hub


def test_what_presets_do_not_know_is_looked_up(data_hub, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(LACKING)
    done = run_module("safelrm.operations.revisions", [file], data_hub.address, tmp_path)
    assert done.returncode == 0, done.stderr
    commit = Repository({}).commit
    settings = f"revision: {commit}\n      columns: {{prompt: question, response: response}}\n      size: 2"
    expected = LACKING.replace("size: 2", settings)
    place = f"{{revision: {commit}, hub_file: sft/sft_train_short.json}}"
    assert file.read_text() == expected.replace("_short}", f"_short, settings: {place}}}")
    assert "datasets.short.settings: hub_file: sft/sft_train_short.json" in done.stdout
    assert find_blanks(file.read_text()) == [] and "w1" not in done.stdout + done.stderr


def test_a_hub_without_what_a_preset_expects_is_one_error_and_leaves_the_file(data_hub, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("datasets:\n  short: {preset: lrm_safety_study_short}\n")
    repository = data_hub.repositories["datasets/thu-coai/LRM-Safety-Study"]
    repository.files["more/sft_train_short.json"] = b"[]"
    done = run_module("safelrm.operations.revisions", [file], data_hub.address, tmp_path)
    assert done.returncode == 1 and "revision" not in file.read_text()
    assert done.stderr.startswith(
        f"error: {file}: datasets.short.settings.hub_file: thu-coai/LRM-Safety-Study has 2 of"
    )
    assert "give it here" in done.stderr


STUDY = """\
models:
  tiny:  # a remark
    hub: {repo: acme/tiny, revision: null}
"""


def test_the_command_asks_the_hub(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(STUDY)
    with serving() as hub:
        hub.repositories["models/acme/tiny"] = Repository({})
        done = run_module("safelrm.operations.revisions", [file], hub.address, tmp_path)
        commit = hub.repositories["models/acme/tiny"].commit
    assert done.returncode == 0, done.stderr
    assert file.read_text() == STUDY.replace("null", commit)
    assert f"models.tiny.hub.revision: acme/tiny is at {commit}" in done.stdout
    again = run_module("safelrm.operations.revisions", [file], "http://127.0.0.1:9", tmp_path)
    assert again.returncode == 0 and "no revision is missing" in again.stderr


@pytest.mark.parametrize(("address", "said"), [("http://127.0.0.1:9", "Connect"), (None, "RepositoryNotFoundError")])
def test_a_hub_that_cannot_be_asked_is_one_error_and_leaves_the_file(address, said, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(STUDY)
    with serving() as hub:
        done = run_module("safelrm.operations.revisions", [file], address or hub.address, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {file}: models.tiny.hub.revision: acme/tiny cannot be taken")
    assert said in done.stderr and len(done.stderr.splitlines()) == 2
    assert file.read_text() == STUDY


@pytest.mark.parametrize("text", ["a: [", "a: b: c"])
def test_a_file_that_is_no_configuration_is_named(text, tmp_path, monkeypatch):
    from safelrm.operations import revisions  # noqa: PLC0415

    file = tmp_path / "study.yaml"
    file.write_text(text)
    monkeypatch.setattr(sys, "argv", ["revisions", str(file)])
    monkeypatch.setattr(revisions, "go_online", lambda: None)
    with pytest.raises(SafeLRMError, match=r"study\.yaml: cannot be read"):
        revisions.main()
