"""Which pinned files are whose: the record `results/published/<study>/pinned.json` of each published study.

DVC pins `data`, `checkpoints` and `rollouts` whole, each in one `.dvc` file, for all published studies together. DVC
keeps a file that several studies have once. The record of a study has the hash of each of its files. So the `.dvc`
files follow from the records, even where the files of other studies are not here.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated

from dvc.repo import Repo
from dvc_data.hashfile.hash import hash_file
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.meta import Meta
from dvc_data.hashfile.tree import Tree
from pydantic import AfterValidator, Field, ValidationError

from safelrm.core.checkpoints import MANIFEST, relative_files
from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json
from safelrm.core.settings import Strict

PINNED = ("data", "checkpoints", "rollouts")
PUBLISHED = Path("results/published")
RECORD = "pinned.json"
# how DVC hashes files
HASH = "md5"


def _below_pinned_folder(path: str) -> str:
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] not in PINNED or ".." in parts:
        raise ValueError(f"{path!r} is no file of a pinned folder")
    return path


class PinnedFile(Strict):
    """What DVC knows of a file: its hash, and its size in bytes."""

    md5: str = Field(pattern=r"^[0-9a-f]{32}$")
    size: int = Field(ge=0)


class PinnedStudy(Strict):
    """The record of a study: the configuration that it was pinned with, and its files by path from the checkout."""

    configfiles: list[str]
    config: list[str]
    files: dict[Annotated[str, AfterValidator(_below_pinned_folder)], PinnedFile]


def published_studies(published: Path = PUBLISHED) -> dict[str, PinnedStudy]:
    """The record of each published study that has one, by name.

    Raises:
        SafeLRMError: a record cannot be read.
    """
    studies = {}
    for path in sorted(published.glob(f"*/{RECORD}")):
        try:
            studies[path.parent.name] = PinnedStudy.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            found = settings_error(error, str(path))
            found.fix = "git checkout restores it; or remove it and pin the study again: snakemake --cores 1 pin"
            raise found from None
    return studies


def write_record(study: PinnedStudy, name: str, published: Path = PUBLISHED) -> None:
    """Write the record of a study beside its published results."""
    write_json(published / name / RECORD, study.model_dump(mode="json"))


def places_of(name: str, published: Path = PUBLISHED) -> list[str]:
    """Where the files of a published study lie: a checkpoint's folder, or a file of its own.

    Raises:
        SafeLRMError: no study of this name is pinned.
    """
    studies = published_studies(published)
    if name not in studies:
        raise SafeLRMError("no study of this name is pinned", file=published / name, fix=f"name one of {[*studies]}")
    files = studies[name].files
    runs = [path.parent for path in map(PurePosixPath, files) if path.name == MANIFEST]
    inside = {path for path in files if any(PurePosixPath(path).is_relative_to(run) for run in runs)}
    return sorted({*map(str, runs), *(files.keys() - inside)})


def own_files(named: Iterable[str]) -> list[str]:
    """The files of a study, sorted. A manifest stands for all files of its folder."""
    found: set[str] = set()
    for path in map(Path, named):
        beside = relative_files(path.parent) if path.name == MANIFEST else [path.name]
        found |= {str(path.parent / name) for name in beside}
    return sorted(found)


def hashed(paths: Iterable[str]) -> dict[str, PinnedFile]:
    """What DVC knows of files. DVC keeps the hash of a file until the file changes."""
    files = {}
    with Repo() as repo:
        for path in paths:
            meta, info = hash_file(str(Path(path).absolute()), repo.fs, HASH, state=repo.state)
            files[path] = PinnedFile(md5=info.value, size=meta.size)
    return files


def union(studies: Mapping[str, PinnedStudy]) -> dict[str, PinnedFile]:
    """The files of several studies.

    Raises:
        SafeLRMError: two studies have different files at one path.
    """
    files: dict[str, PinnedFile] = {}
    owner: dict[str, str] = {}
    for name, study in studies.items():
        differing = [path for path, file in study.files.items() if files.get(path, file) != file]
        if differing:
            raise SafeLRMError(
                f"{len(differing)} files differ between the studies `{owner[differing[0]]}` and `{name}`",
                file=differing[0],
                fix=_how_to_agree(owner[differing[0]], differing[0]),
            )
        files |= study.files
        owner |= dict.fromkeys(study.files, name)
    return files


def _how_to_agree(other: str, path: str) -> str:
    what = "give the recipe or the data set another name in one of them"
    if path.startswith("rollouts/"):
        what += ", or both the same benchmarks"
    return (
        f"{what}; or unpin `{other}`: rm {PUBLISHED / other / RECORD}. docs/reproducibility.md tells under Several"
        " studies how both change"
    )


def tree_of(folder: str, files: Mapping[str, PinnedFile]) -> Tree:
    """DVC's list of the files of a pinned folder. Its hash is what the folder's `.dvc` file says."""
    tree = Tree()
    for path, file in files.items():
        first, *below = PurePosixPath(path).parts
        if first == folder:
            tree.add(tuple(below), Meta(size=file.size, md5=file.md5), HashInfo(HASH, file.md5))
    tree.digest()
    return tree
