"""Revisions are filled in where they are missing, and nothing else of the file changes."""

import sys

import pytest
from fake_hub import Repository, run_module, serving

from safelrm.core.errors import SafeLRMError
from safelrm.operations.revisions import fill, find_blanks

A, B, C = (digit * 40 for digit in "abc")
TEXT = f"""\
# a study
name: x
datasets:
  known:   # its source knows the repository
    source: safelrm.data.sources.star1
    settings: {{revision: null}}
  asks:
    source: safelrm.data.sources.advbench
    settings:
      hub: acme/asks   # a remark
      prompt_column: goal
  inline:
    source: safelrm.data.sources.advbench
    settings: {{hub: acme/asks}}
  given:
    source: safelrm.data.sources.advbench
    settings: {{hub: acme/asks, revision: {C}}}
  file:
    source: safelrm.data.sources.advbench
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
    commits = {"UCSC-VLAA/STAR-1": A, "acme/asks": B, "acme/small": C, "acme/other": A, "acme/judge": B}
    return fill(text, blanks, {blank.position: commits[blank.repo] for blank in blanks})


def test_blanks_are_filled_in_place():
    expected = TEXT
    for old, new in (
        ("{revision: null}", f"{{revision: {A}}}"),
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
        "datasets.asks.settings.revision",
        "datasets.inline.settings.revision",
        # of two entries that share a text, the later one names it
        "models.same.hub.revision",
        "models.other.hub.revision",
        "guards.judge.hub.revision",
    ]


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
