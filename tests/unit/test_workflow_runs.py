"""What the soak calls finished must stay the same file to the end."""

import pytest

from workflow_runs import take_note


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x").write_text("1")
    return tmp_path


def test_what_has_been_finished_since_is_added(folder):
    before = {}
    take_note(folder, before)
    first = dict(before)
    (folder / "data/y").write_text("2")
    take_note(folder, before)
    assert {str(path) for path in before} == {"data/x", "data/y"}
    assert first.items() <= before.items()


def test_a_file_made_again_between_two_kills_is_noticed(folder):
    before = {}
    take_note(folder, before)
    (folder / "data/new").write_text("1")
    (folder / "data/new").replace(folder / "data/x")
    with pytest.raises(SystemExit, match=r"made again: \['data/x'\]"):
        take_note(folder, before)


def test_a_file_that_is_gone_is_noticed(folder):
    before = {}
    take_note(folder, before)
    (folder / "data/x").unlink()
    with pytest.raises(SystemExit, match="data/x"):
        take_note(folder, before)
