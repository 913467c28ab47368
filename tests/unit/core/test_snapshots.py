"""Snapshots of a training: only whole ones are taken."""

from pathlib import Path

import pytest

from safelrm.core.snapshots import SEAL, newest_step, seal, snapshot_path


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def snapshot(step):
    path = snapshot_path(Path(), step)
    path.mkdir()
    (path / "weights").write_text(f"weights of {step}")
    return path


def test_only_the_latest_sealed_snapshot_is_kept():
    assert newest_step(Path()) == 0
    for step in (9, 10):
        seal(snapshot(step))
        assert newest_step(Path()) == step
    assert not snapshot_path(Path(), 9).exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / SEAL).unlink(),
        lambda path: (path / SEAL).write_text('{"weights": "'),
        lambda path: (path / SEAL).write_bytes(b"\xff\xfe"),
        lambda path: (path / "weights").unlink(),
        lambda path: (path / "weights").write_text("weights of 12"),
        lambda path: (path / "more").write_text(""),
    ],
)
def test_a_damaged_snapshot_is_dropped_for_the_one_before(damage, capsys):
    earlier = snapshot(10)
    seal(earlier)
    # as if killed before the seal of the later one removed it
    earlier.rename("aside")
    later = snapshot(11)
    seal(later)
    Path("aside").rename(earlier)
    assert newest_step(Path()) == 11
    damage(later)
    assert newest_step(Path()) == 10
    assert not later.exists()
    assert "checkpoint-11" in capsys.readouterr().err
