"""What may go from the cache between workflows: nothing that is linked or was just used, whatever is asked for."""

import json
import os
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core.checkpoints import MODEL_FILES
from safelrm.core.tables import Table, columns
from safelrm.inference.store import AnswerStore
from safelrm.operations import cache as command
from safelrm.operations.cache import DAY, SETTLED_DAYS, leftovers, removable, remove
from safelrm.operations.cached import (
    Entry,
    Users,
    damaged_answers,
    damaged_outputs,
    entries,
    links,
    list_of,
    users,
    write_list,
)

NOW = 1_800_000_000.0
ENTRIES = st.lists(
    st.builds(
        lambda key, size, days, linked, fault: Entry(key, "table", (Path(key),), size, NOW - days * DAY, linked, fault),
        key=st.text("0123456789abcdef", min_size=64, max_size=64),
        size=st.integers(0, 1000),
        days=st.floats(0, 100),
        linked=st.booleans(),
        fault=st.sampled_from(["", "", "", "corrupt"]),
    ),
    unique_by=lambda entry: entry.key,
    max_size=12,
)
DAYS = st.none() | st.floats(0, 100)
BYTES = st.none() | st.integers(0, 6000)


def size(found):
    return sum(entry.size for entry in found)


@given(ENTRIES, DAYS, BYTES)
def test_what_is_linked_or_was_used_within_a_day_stays(found, idle_days, to_bytes):
    going = removable(found, NOW, idle_days=idle_days, to_bytes=to_bytes)
    assert len({entry.key for entry in going}) == len(going)
    assert not any(entry.linked for entry in going)
    assert all(NOW - entry.used > SETTLED_DAYS * DAY for entry in going)


@given(ENTRIES, BYTES)
def test_no_more_than_the_size_is_left_if_that_can_be(found, to_bytes):
    going = removable(found, NOW, to_bytes=to_bytes)
    stay = [entry for entry in found if entry not in going]
    could_go = [entry for entry in stay if not entry.linked and NOW - entry.used > SETTLED_DAYS * DAY]
    assert to_bytes is None or size(stay) <= to_bytes or not could_go
    # the longest unused first, and none too many
    sound = [entry for entry in going if not entry.fault]
    assert all(one.used <= other.used for one in sound for other in could_go)
    assert all(size(stay) + entry.size > to_bytes for entry in sound[-1:])


@given(ENTRIES, st.floats(0, 100))
def test_what_is_not_used_for_the_given_days_goes(found, idle_days):
    going = removable(found, NOW, idle_days=idle_days)
    for entry in found:
        idle = NOW - entry.used
        wanted = not entry.linked and idle > SETTLED_DAYS * DAY and (idle > idle_days * DAY or bool(entry.fault))
        assert (entry in going) == wanted


@given(ENTRIES)
def test_nothing_sound_goes_unasked(found):
    assert all(entry.fault for entry in removable(found, NOW))


NOBODY = Users(frozenset(), frozenset())
KEYS = ["a" * 64, "b" * 64, "c" * 64]


OUTPUTS = ["_manifest.json", "_curve.parquet", *(f"_{name}" for name in MODEL_FILES)]


@pytest.fixture
def cache(tmp_path) -> Path:
    """A trained model, a table and a trained model without its manifest, all of them old."""
    folder = tmp_path / "cache"
    folder.mkdir()
    for key, rule, names in zip(KEYS, ("sft", "rollouts", "rl"), (OUTPUTS, [".parquet"], OUTPUTS), strict=True):
        files = {f"{key}{name}": folder / f"{key}{name}" for name in names}
        for name, path in files.items():
            path.write_text(json.dumps({"files": {name: key}}))
        write_list(folder, key, rule, files)
    (folder / f"{KEYS[2]}_manifest.json").unlink()
    (folder / "README").write_text("not an entry")
    for path in folder.iterdir():
        os.utime(path, (time.time() - 10 * DAY,) * 2)
    return folder


@pytest.fixture
def checkout(tmp_path, cache) -> Path:
    """A checkout that uses the trained model."""
    folder = tmp_path / "safelrm"
    (folder / "checkpoints/run/model").mkdir(parents=True)
    (folder / "Snakefile").touch()
    (folder / "checkpoints/run/manifest.json").symlink_to(cache / f"{KEYS[0]}_manifest.json")
    (folder / "checkpoints/run/model/config.json").symlink_to(tmp_path / "elsewhere" / f"{KEYS[1]}.parquet")
    return folder


def test_files_of_a_job_are_one_entry(cache, checkout):
    first, table, partial = entries(cache, users([checkout], cache))
    assert [first.key, table.key, partial.key] == KEYS
    assert len(first.files) == len(OUTPUTS) + 1
    assert (first.kind, table.kind, partial.kind) == ("sft", "rollouts", "rl")
    assert first.size == sum(path.stat().st_size for path in first.files)
    assert (first.linked, table.linked, partial.linked) == (True, False, False)
    assert (first.fault, table.fault) == ("", "")
    assert partial.fault == "partial: lacks ['manifest.json']"


def test_the_folder_may_be_a_link(cache, checkout, tmp_path):
    (tmp_path / "alias").symlink_to(cache)
    link = checkout / "checkpoints/run/manifest.json"
    link.unlink()
    link.symlink_to(tmp_path / "alias" / f"{KEYS[1]}.parquet")
    assert links(checkout, cache) == {cache / f"{KEYS[1]}.parquet"}


def corrupt(path: Path) -> None:
    times = path.stat()
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half:] = bytes(len(content) - half)
    path.write_bytes(content)
    os.utime(path, (times.st_atime, times.st_mtime))


@pytest.mark.parametrize(("index", "name"), [(0, "_model.safetensors"), (0, "_manifest.json"), (1, ".parquet")])
def test_changed_bytes_are_found_and_the_last_use_stays(cache, index, name):
    path, listed = cache / f"{KEYS[index]}{name}", list_of(cache, KEYS[index])
    sound = entries(cache, NOBODY)[index]
    assert damaged_outputs(sound.files, listed) == ""
    corrupt(path)
    assert damaged_outputs(sound.files, listed).startswith(f"corrupt: {path.name}")
    assert entries(cache, NOBODY)[index].used == pytest.approx(sound.used, abs=1e-3)
    path.unlink()
    assert damaged_outputs(sound.files, listed).startswith(f"corrupt: {path.name}")


def test_an_entry_is_worth_nothing_without_its_list(cache):
    listed = list_of(cache, KEYS[1])
    corrupt(listed)
    entry = entries(cache, NOBODY)[1]
    assert (entry.kind, entry.fault) == ("outputs", "partial: has no list of its files")
    assert damaged_outputs(entry.files, listed).startswith("partial")
    listed.unlink()
    assert damaged_outputs(entry.files, listed).startswith("partial")


def test_an_entry_is_removed_whole(cache, checkout):
    _, table, partial = entries(cache, NOBODY)
    assert remove(table, cache, [checkout])
    assert remove(partial, cache, [checkout])
    assert [entry.key for entry in entries(cache, NOBODY)] == KEYS[:1]
    assert {path.name[:64] for path in cache.iterdir()} == {KEYS[0], "README"}


def test_an_entry_that_is_linked_meanwhile_stays(cache, checkout):
    before = {path.name: path.read_bytes() for path in cache.iterdir()}
    # as it was seen before the link was made
    entry = entries(cache, NOBODY)[0]
    assert not remove(entry, cache, [checkout])
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == before


def test_no_moment_shows_a_part_of_an_entry_as_whole(cache, checkout, monkeypatch):
    # Snakemake takes an entry whose files are all there; they are out of the way before the first is deleted
    (table,) = (entry for entry in entries(cache, NOBODY) if entry.kind == "rollouts")
    seen = []
    real = command.shutil.rmtree
    monkeypatch.setattr(
        command.shutil, "rmtree", lambda path: (seen.append([f.exists() for f in table.files]), real(path))
    )
    remove(table, cache, [checkout])
    assert seen == [[False, False]]


def test_only_old_unfinished_folders_are_leftovers(cache):
    for name, days in (("tmp_old", 2.0), ("tmp_new", 0.1)):
        (cache / name).mkdir()
        os.utime(cache / name, (0, time.time() - days * DAY))
    assert [path.name for path in leftovers(cache, time.time())] == ["tmp_old"]


@pytest.fixture
def answers(cache, checkout, monkeypatch) -> list[Path]:
    """Folders of old answers: of a model of the checkout, and of no model of it."""
    monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(cache))
    table = Table("letters", columns(key=pa.string(), letter=pa.string()))
    other = cache.parent / "other"
    other.mkdir()
    (other / "manifest.json").write_text('{"files": {}}')
    for model in (checkout / "checkpoints/run/model", other / "model"):
        AnswerStore(table, model, {}).answers([([1], {})], lambda questions: [(0, ("a",))])
    for path in (cache / "answers").rglob("*"):
        os.utime(path, (time.time() - 10 * DAY,) * 2)
    return sorted((cache / "answers/letters").iterdir(), key=lambda path: "{}" in (path / "context.json").read_text())


def test_answers_of_a_model_that_a_checkout_has_stay(call, cache, checkout, answers):
    said = call("--cache", cache, "--checkouts", checkout, "--idle-days", 5, "--delete")
    assert said[-1].startswith("deleted 3 entries")
    assert [folder.exists() for folder in answers] == [True, False]
    assert sum("answers" in line and "in use" in line for line in said) == 1


def test_replies_of_an_endpoint_stay(call, cache, checkout, answers):
    table = Table("replies", columns(key=pa.string(), text=pa.string()))
    AnswerStore(table, None, {"endpoint": "u", "name": "m"}).answers([([1], {})], lambda questions: [(0, ("a",))])
    for path in (cache / "answers/replies").rglob("*"):
        os.utime(path, (time.time() - 10 * DAY,) * 2)
    call("--cache", cache, "--checkouts", checkout, "--idle-days", 5, "--delete")
    assert [*(cache / "answers/replies").glob("*/*.parquet")]


def test_damaged_answers_are_found(cache, answers):
    *_, entry = entries(cache, NOBODY)
    assert (entry.kind, entry.fault, damaged_answers(entry.files)) == ("answers", "", "")
    corrupt(next(path for path in entry.files if path.suffix == ".parquet"))
    assert damaged_answers(entry.files).startswith("corrupt")
    (entry.files[0].parent / "context.json").unlink()
    assert entries(cache, NOBODY)[-1].fault.startswith("partial")


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*words) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["cache", *map(str, words)])
        command.main()
        return capsys.readouterr().out.splitlines()

    return run


def test_nothing_is_deleted_unless_it_is_asked_for(call, cache, checkout):
    before = sorted(cache.iterdir())
    said = call("--cache", cache, "--checkouts", checkout, "--idle-days", 5)
    assert said[-1].split(", to go ")[1].startswith("2 entries")
    assert sorted(cache.iterdir()) == before
    said = call("--cache", cache, "--checkouts", checkout, "--idle-days", 5, "--delete")
    assert said[-1].startswith("deleted 2 entries")
    assert [entry.key for entry in entries(cache, NOBODY)] == KEYS[:1]


def test_a_corrupt_table_goes_only_if_it_is_looked_for(call, cache, checkout):
    corrupt(cache / f"{KEYS[1]}.parquet")
    call("--cache", cache, "--checkouts", checkout, "--delete")
    assert [entry.key for entry in entries(cache, NOBODY)] == KEYS[:2]
    said = call("--cache", cache, "--checkouts", checkout, "--check", "--delete")
    assert any("corrupt" in line for line in said)
    assert [entry.key for entry in entries(cache, NOBODY)] == KEYS[:1]


def test_a_folder_that_is_no_checkout_is_refused(call, cache, tmp_path):
    # its links would not be found, and all of its entries would go
    with pytest.raises(command.SafeLRMError, match="not a checkout"):
        call("--cache", cache, "--checkouts", tmp_path)
    with pytest.raises(command.SafeLRMError, match="SNAKEMAKE_OUTPUT_CACHE"):
        call("--cache", tmp_path / "nothing")
