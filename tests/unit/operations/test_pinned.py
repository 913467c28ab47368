"""Several studies in one checkout: pinned by a real DVC, with small files in place of models."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from safelrm.core.checkpoints import MODEL_FILES, write_manifest
from safelrm.core.errors import SafeLRMError
from safelrm.operations.checked_pins import check_pins
from safelrm.operations.pin import pin_study
from safelrm.operations.pinned import PINNED, PUBLISHED, RECORD, places_of, published_studies, write_record
from safelrm.operations.pull import pull
from safelrm.operations.push import push

BASE, GUARD = "checkpoints/nano_a/base/seed0/manifest.json", "checkpoints/guards/guard_a/manifest.json"
SHARED = ["data/rl_harmful.parquet", BASE, GUARD]
ARMS = {"first": "sft-star1", "second": "rl-grpo"}


def files_of(study: str) -> list[str]:
    arm = ARMS[study]
    return [*SHARED, f"checkpoints/nano_a/{arm}/seed1/manifest.json", f"rollouts/nano_a/{arm}/seed1.parquet"]


def make(study: str) -> None:
    """Files as the rules make them; what both studies have is the same for both."""
    for name in map(Path, files_of(study)):
        name.parent.mkdir(parents=True, exist_ok=True)
        if name.name != "manifest.json":
            name.write_text(str(name))
        elif not name.exists():
            for file in MODEL_FILES:
                (name.parent / "model").mkdir(exist_ok=True)
                (name.parent / "model" / file).write_text(f"{name} {file}")
            write_manifest(name)


def pin(study: str) -> None:
    configfiles = ["config.yaml", str(Path.cwd() / f"experiments/{study}.yaml")]
    write_record(pin_study(study, files_of(study), configfiles, ["name=x"]), study)


def hash_of(folder: str) -> str:
    return yaml.safe_load(Path(f"{folder}.dvc").read_text())["outs"][0]["md5"]


def hashes() -> dict[str, str]:
    return {folder: hash_of(folder) for folder in PINNED}


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Path:
    """A checkout with two studies, pinned one after the other and pushed to `remote` beside it."""
    base = tmp_path_factory.mktemp("both")
    folder = base / "checkout"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with Repo.init(no_scm=True) as repo, repo.config.edit() as config:
            config["remote"] = {"store": {"url": str(base / "remote")}}
            config["core"] = {"remote": "store", "no_scm": True, "analytics": False}
        for study in ARMS:
            make(study)
            pin(study)
        push(PINNED)
    return folder


@pytest.fixture
def checkout(both, tmp_path, monkeypatch) -> Path:
    """A copy of it, to change."""
    folder = Path(shutil.copytree(both, tmp_path / "checkout"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def clone(both, tmp_path, monkeypatch) -> Path:
    """What git has of it, and the remote's address."""
    folder = tmp_path / "clone"
    ignore = shutil.ignore_patterns(*PINNED, "cache", "tmp")
    shutil.copytree(both, folder, ignore=ignore)
    monkeypatch.chdir(folder)
    return folder


def test_each_study_has_a_record_of_its_files_and_configuration(checkout):
    studies = published_studies()
    assert {*studies} == {*ARMS}
    first, second = studies["first"], studies["second"]
    assert second.configfiles == ["config.yaml", "experiments/second.yaml"]
    assert second.config == ["name=x"]
    shared = first.files.keys() & second.files.keys()
    assert shared == {
        path for path in first.files if path.startswith(("data/", "checkpoints/nano_a/base", "checkpoints/gu"))
    }
    assert all(first.files[path] == second.files[path] for path in shared)
    assert str(checkout) not in (PUBLISHED / "second" / RECORD).read_text()


def test_the_pins_hold_both_studies_and_shared_files_once(checkout):
    with Repo() as repo:
        trees = {output.def_path: output.get_obj() for output in repo.index.outs}
    pinned = {f"{folder}/{'/'.join(key)}" for folder, tree in trees.items() for key, _, _ in tree}
    assert pinned == {path for study in published_studies().values() for path in study.files}
    stored = [path for path in Path(".dvc/cache/files").rglob("*") if path.is_file() and path.suffix != ".dir"]
    assert len(stored) == len({file.md5 for study in published_studies().values() for file in study.files.values()})


def test_pinning_again_in_any_order_changes_nothing(checkout):
    before = hashes()
    pin("first")
    assert hashes() == before
    check_pins("first")


def test_a_study_is_pinned_where_the_files_of_others_are_not(checkout):
    before = {folder: Path(f"{folder}.dvc").read_bytes() for folder in PINNED}
    for folder in PINNED:
        shutil.rmtree(folder)
    shutil.rmtree(".dvc/cache")
    make("second")
    pin("second")
    assert {folder: Path(f"{folder}.dvc").read_bytes() for folder in PINNED} == before
    check_pins("second")


def test_a_file_of_neither_study_is_refused(checkout):
    before = hashes()
    Path("data/former.parquet").write_text("former")
    with pytest.raises(SafeLRMError, match=r"1 files are neither of this study .* such as data/former\.parquet"):
        pin("second")
    assert hashes() == before


def test_what_two_studies_disagree_on_is_named_with_both(checkout):
    before = hashes()
    Path(SHARED[0]).write_text("another version")
    with pytest.raises(SafeLRMError, match="differ between the studies `first` and `second`") as error:
        pin("second")
    assert error.value.file == SHARED[0]
    assert "another name" in error.value.fix
    assert hashes() == before


def test_the_named_way_changes_what_both_studies_share(checkout):
    (PUBLISHED / "first" / RECORD).unlink()
    for folder in PINNED:
        shutil.rmtree(folder)
    for study in ("second", "first"):
        make(study)
        Path(SHARED[0]).write_text("new version")
        pin(study)
    check_pins("first")


def test_a_changed_file_of_another_study_is_named(checkout):
    Path("rollouts/nano_a/sft-star1/seed1.parquet").write_text("changed")
    with pytest.raises(SafeLRMError, match="not as the study `first` pinned them"):
        pin("second")
    with pytest.raises(SafeLRMError, match="the folder differs from its pin in 1 files"):
        check_pins("second")


def test_a_removed_study_is_no_longer_pinned(checkout):
    shutil.rmtree(PUBLISHED / "first")
    with pytest.raises(SafeLRMError, match="is not the list of files of the published studies"):
        check_pins("second")
    for folder in ("checkpoints", "rollouts"):
        shutil.rmtree(f"{folder}/nano_a/sft-star1")
    pin("second")
    check_pins("second")


def test_one_study_is_pulled_alone_and_verified(clone, capsys):
    assert pull("second") > 0
    here = {str(path) for folder in PINNED for path in Path(folder).rglob("*") if path.is_file()}
    assert {path for path in here if ".gitignore" not in path} == set(published_studies()["second"].files)
    check_pins("second")
    assert "checkpoints: as pinned, with all files of second\n" in capsys.readouterr().out


@pytest.mark.parametrize("study", ARMS)
def test_a_study_that_is_here_in_part_is_named(checkout, study):
    Path("checkpoints/nano_a/rl-grpo/seed1/model/config.json").unlink()
    with pytest.raises(SafeLRMError, match="differs from its pin: 1 files of the study `second` are not here"):
        check_pins(study)


def test_where_a_study_lies(checkout):
    runs = [str(Path(path).parent) for path in (BASE, GUARD)]
    arm = "checkpoints/nano_a/rl-grpo/seed1"
    assert places_of("second") == sorted([*runs, arm, SHARED[0], "rollouts/nano_a/rl-grpo/seed1.parquet"])
    with pytest.raises(SafeLRMError, match="no study of this name is pinned"):
        places_of("third")


@pytest.mark.parametrize("path", ["results/x.csv", "data", "checkpoints/../x", "/data/x", "../data/x"])
def test_a_record_names_files_of_pinned_folders_only(checkout, path):
    record = PUBLISHED / "first" / RECORD
    content = json.loads(record.read_text())
    content["files"][path] = content["files"][SHARED[0]]
    record.write_text(json.dumps(content))
    with pytest.raises(SafeLRMError, match="is no file of a pinned folder"):
        published_studies()
