import argparse
import errno
import fcntl
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import Timeout

from safelrm.core.errors import SafeLRMError
from safelrm.core.work import exclusively, forget_ended, run_resumably

WORKFLOW = Path(__file__).parents[3] / "workflow"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("input").write_text("one")


def options(**changes):
    return argparse.Namespace(**{"settings": "{}", "seed": 1, "code": "abc", "output": Path("out")} | changes)


def run(compute, chosen=None, inputs=(Path("input"),)):
    run_resumably("sft", chosen or options(), inputs, [Path("out"), Path("model")], compute)


def write(text="made"):
    Path("out").write_text(text)
    Path("model").mkdir(exist_ok=True)
    Path("model/weights").write_text(f"weights {text}")


def interrupted(chosen=None, inputs=(Path("input"),)):
    """The folder of a job that was killed after it had saved something."""
    folders = []

    def compute(folder):
        folders.append(folder)
        (folder / "state").write_text("half of it")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(compute, chosen, inputs)
    return folders[0]


def states():
    return sorted(path for path in Path("work").glob("*/*/*/*") if path.name != "ended")


def test_state_of_an_interrupted_job_is_found_again_and_then_removed():
    folder = interrupted()

    def compute(again):
        assert again == folder
        assert (again / "state").read_text() == "half of it"
        write()

    run(compute)
    assert not states()


def test_a_job_that_failed_before_it_saved_anything_leaves_nothing():
    def compute(_):
        raise ValueError

    with pytest.raises(ValueError):
        run(compute)
    assert not list(Path("work").glob("*/*/*"))


def test_other_arguments_other_code_and_other_inputs_have_other_folders():
    folders = [interrupted()]
    folders += [interrupted(options(**change)) for change in ({"seed": 2}, {"code": "x"}, {"output": Path("other")})]
    Path("input").write_text("two")
    folders.append(interrupted())
    folders.append(interrupted(inputs=()))
    assert len(set(folders)) == len(folders)


def test_state_under_other_settings_stays_until_the_outputs_are_made(capsys):
    interrupted()
    interrupted(options(settings="other"))
    assert len(states()) == 2
    run(lambda _: write())
    assert not states()
    assert "other settings" in capsys.readouterr().err


def test_a_missing_input_is_named():
    with pytest.raises(SafeLRMError, match="nowhere"):
        run(lambda _: write(), inputs=[Path("nowhere")])


def test_leftovers_of_a_killed_write_are_removed():
    folder = interrupted()
    (folder / "facts/.checkpoint-3.x1/.new").mkdir(parents=True)

    def compute(again):
        assert not list(again.rglob(".*"))
        assert (again / "facts").is_dir()
        write()

    run(compute)


def refuse(_):
    raise AssertionError("computed again")


def outputs():
    return Path("out").read_text(), Path("model/weights").read_text()


def remove_outputs():
    """As Snakemake does before it runs an incomplete job again."""
    Path("out").unlink()
    Path("model/weights").unlink()


def test_a_job_that_had_ended_is_not_computed_again():
    run(lambda _: write())
    remove_outputs()
    run(refuse)
    assert outputs() == ("made", "weights made")
    # and once more, as long as Snakemake has not taken note
    remove_outputs()
    run(refuse)
    assert outputs() == ("made", "weights made")


def test_outputs_that_were_changed_since_are_computed_again(capsys):
    run(lambda _: write())
    Path("model/weights").write_text("edited")
    remove_outputs()
    run(lambda _: write())
    assert outputs() == ("made", "weights made")
    assert "was changed" in capsys.readouterr().err


def test_an_unreadable_list_of_outputs_is_dropped(capsys):
    run(lambda _: write())
    (listed,) = Path("work").rglob("outputs.json")
    listed.write_text("{")
    run(lambda _: write("anew"))
    assert outputs() == ("anew", "weights anew")


def test_nothing_is_kept_once_snakemake_has_taken_note():
    run(lambda _: write())
    folder = interrupted(options(seed=2))
    forget_ended()
    assert states() == [folder / "state"]
    assert not list(Path("work").rglob("ended"))
    remove_outputs()
    run(lambda _: write("anew"))
    assert outputs()[0] == "anew"


def test_a_file_system_without_hard_links_only_costs_the_job(monkeypatch, capsys):
    def no_links(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    run(lambda _: write())
    assert outputs() == ("made", "weights made")
    assert "keeps no links" in capsys.readouterr().err
    run(lambda _: write("anew"))
    assert outputs()[0] == "anew"


def test_workers_beside_the_leading_one_neither_lock_nor_keep(monkeypatch):
    folder = interrupted()
    monkeypatch.setenv("RANK", "1")
    with exclusively(folder):
        run(lambda again: (again / "state").read_text())
    assert states() == [folder / "state"]


def test_workers_see_an_ended_job_as_the_leading_one_does(monkeypatch):
    run(lambda _: write())
    monkeypatch.setenv("RANK", "1")
    run(refuse)
    # the leading one computes these again, and would wait for the others
    Path("model/weights").write_text("edited")
    asked = []
    run(asked.append)
    assert len(asked) == 1


HOLDER = """
import argparse, sys
from pathlib import Path
from safelrm.core.work import run_resumably

def compute(folder):
    (folder / "state").write_text("")
    print("holds", flush=True)
    sys.stdin.read()

options = argparse.Namespace(settings="{}", seed=1, code="abc", output=Path("out"))
run_resumably("sft", options, [Path("input")], [Path("out"), Path("model")], compute)
"""


def test_two_processes_are_never_at_work_on_one_job():
    command = [sys.executable, "-c", HOLDER]
    environment = {"PYTHONPATH": str(WORKFLOW)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline() == "holds\n"
        with pytest.raises(SafeLRMError, match="another process is at work"):
            run(refuse)
        # another job for the same outputs leaves the state of one that is at work
        run(lambda _: write(), options(seed=2))
        assert [path.name for path in states()] == ["state"]
        process.kill()

    # the lock ends with its process, however it ended
    def compute(folder):
        assert (folder / "state").exists()
        write()

    run(compute)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_only_warns(monkeypatch, capsys, number):
    def no_locks(*_):
        raise OSError(number, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    run(lambda _: write())
    assert outputs() == ("made", "weights made")
    assert "cannot be locked (No locks available)" in capsys.readouterr().err
    assert not list(Path("work").rglob("*.lock"))


def test_a_lock_file_that_comes_and_goes_is_never_held_twice():
    holders = []

    def hold(name):
        entered = 0
        while entered < 10:
            with suppress(Timeout), exclusively(Path("work/sft/out/key")):
                holders.append(name)
                time.sleep(0.001)
                assert holders == [name]
                holders.remove(name)
                entered += 1

    with ThreadPoolExecutor() as pool:
        list(pool.map(hold, "abcd"))
