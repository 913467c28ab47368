import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.core.snapshots import SEAL, newest_snapshot, seal, snapshot_path
from safelrm.core.work import work_folder

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("input").write_text("one")


def options(**changes):
    return argparse.Namespace(**{"settings": "{}", "seed": 1, "code": "abc", "output": Path("out")} | changes)


def interrupted(chosen=None, inputs=(Path("input"),)):
    """The folder of a job that was killed after it had saved something."""
    with pytest.raises(KeyboardInterrupt), work_folder("sft", chosen or options(), inputs) as folder:
        (folder / "state").write_text("half of it")
        raise KeyboardInterrupt
    return folder


def test_state_of_an_interrupted_job_is_found_again_and_then_removed():
    folder = interrupted()
    with work_folder("sft", options(), [Path("input")]) as again:
        assert again == folder
        assert (again / "state").read_text() == "half of it"
    assert not list(Path("work").glob("*/*"))


def test_a_job_that_failed_before_it_saved_anything_leaves_nothing():
    with pytest.raises(ValueError), work_folder("sft", options(), []):
        raise ValueError
    assert not list(Path("work").glob("*/*"))


def test_other_arguments_other_code_and_other_inputs_have_other_folders():
    folders = [interrupted()]
    folders += [interrupted(options(**change)) for change in ({"seed": 2}, {"code": "x"}, {"output": Path("other")})]
    Path("input").write_text("two")
    folders.append(interrupted())
    folders.append(interrupted(inputs=()))
    assert len(set(folders)) == len(folders)


def test_a_missing_input_is_named():
    with pytest.raises(SafeLRMError, match="nowhere"), work_folder("sft", options(), [Path("nowhere")]):
        pass


def test_leftovers_of_a_killed_write_are_removed():
    folder = interrupted()
    (folder / "facts/.checkpoint-3.x1/.new").mkdir(parents=True)
    with work_folder("sft", options(), [Path("input")]) as again:
        assert not list(again.rglob(".*"))
        assert (again / "facts").is_dir()


def test_two_processes_are_never_at_work_on_one_job():
    script = (
        "import argparse, sys; from pathlib import Path; from safelrm.core.work import work_folder\n"
        "options = argparse.Namespace(settings='{}', seed=1, code='abc', output=Path('out'))\n"
        "with work_folder('sft', options, [Path('input')]) as folder:\n"
        "    (folder / 'state').write_text('')\n"
        "    print('holds', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script]
    environment = {"PYTHONPATH": str(WORKFLOW)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline() == "holds\n"
        with (
            pytest.raises(SafeLRMError, match="another process is at work"),
            work_folder("sft", options(), [Path("input")]),
        ):
            pass
        with work_folder("sft", options(seed=2), [Path("input")]):
            pass
        process.kill()
    # the lock ends with its process, however it ended
    with work_folder("sft", options(), [Path("input")]) as folder:
        assert (folder / "state").exists()


def snapshot(step):
    path = snapshot_path(Path(), step)
    path.mkdir()
    (path / "weights").write_text(f"weights of {step}")
    return path


def test_only_the_latest_sealed_snapshot_is_kept():
    assert newest_snapshot(Path()) is None
    for step in (9, 10):
        seal(snapshot(step))
        assert newest_snapshot(Path()).name == f"checkpoint-{step}"
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
    assert newest_snapshot(Path()) == later
    damage(later)
    assert newest_snapshot(Path()) == snapshot_path(Path(), 10)
    assert not later.exists()
    assert "checkpoint-11" in capsys.readouterr().err
