"""Pinned folders against their pins, file by file, and pins against the records of the published studies."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import yaml

from safelrm.core.checkpoints import relative_files
from safelrm.core.errors import SafeLRMError
from safelrm.operations.pinned import (
    PINNED,
    PinnedFile,
    PinnedStudy,
    hashed,
    published_studies,
    tree_of,
    union,
)


def check_pins(configured: str, folders: Sequence[str] = PINNED) -> None:
    """Compare the pinned folders that are here with their pins. A message names what is not here.

    A clone may have pulled some studies only. A study is here if a file that is its alone is here; the configured one,
    if any of its files is.

    Args:
        configured: name of the configured study.
        folders: pinned folders.

    Raises:
        SafeLRMError: a pin does not have the files of the published studies, or a folder differs from its pin.
    """
    studies = published_studies()
    files, pins = union(studies), pinned_hashes(folders)
    for folder in folders:
        if folder not in pins:
            print(f"{folder}: not pinned, left out", flush=True)
            continue
        if pins[folder] != tree_of(folder, files).hash_info.value:
            raise SafeLRMError(
                f"is not the list of files of the published studies {sorted(studies)}",
                file=f"{folder}.dvc",
                fix="pin a study anew: snakemake --cores 1 pin",
            )
        if not Path(folder).is_dir():
            print(f"{folder}: not here, left out", flush=True)
            continue
        check_folder(folder, files)
        whole = [name for name in studies if require_all_or_none(name, folder, studies, strict=name == configured)]
        print(f"{folder}: as pinned, with all files of {', '.join(whole) or 'no study'}", flush=True)


def check_folder(folder: str, files: Mapping[str, PinnedFile]) -> None:
    """Compare each file of a folder with what is pinned.

    Raises:
        SafeLRMError: a file differs, or is not pinned.
    """
    here = [f"{folder}/{name}" for name in relative_files(Path(folder)) if not name.endswith(".tmp")]
    now = hashed(path for path in here if path in files)
    differing = [path for path in here if path not in files or now[path] != files[path]]
    if differing:
        raise SafeLRMError(
            f"the folder differs from its pin in {len(differing)} files, such as {differing[0]}",
            file=folder,
            fix=f"dvc checkout {differing[0]} restores pinned bytes; snakemake --cores 1 pin pins the present ones",
        )


def require_all_or_none(study: str, folder: str, studies: Mapping[str, PinnedStudy], *, strict: bool) -> bool:
    """Whether a study's files of a folder are here.

    Args:
        study: name of the study.
        folder: the folder.
        studies: all published studies.
        strict: whether a file that another study has as well stands for the study.

    Raises:
        SafeLRMError: some are here and some are not.
    """
    files = [path for path in studies[study].files if PurePath(path).parts[0] == folder]
    others = set().union(*(other.files for name, other in studies.items() if name != study))
    missing = [path for path in files if not Path(path).is_file()]
    if missing and any(Path(path).is_file() for path in files if strict or path not in others):
        raise SafeLRMError(
            f"the folder differs from its pin: {len(missing)} files of the study `{study}` are not here",
            file=folder,
            fix=f"python -m safelrm pull {study} fetches them; dvc checkout {missing[0]} restores one",
        )
    return not missing


def pinned_hashes(folders: Sequence[str]) -> dict[str, str]:
    """The hash of the list of files in each pin that is here, by folder. DVC itself would want a git repository.

    Raises:
        SafeLRMError: a pin is none.
    """
    found = {}
    for path in (Path(f"{folder}.dvc") for folder in folders):
        if not path.is_file():
            continue
        try:
            (output,) = yaml.safe_load(path.read_text(encoding="utf-8"))["outs"]
            found[str(output["path"])] = str(output["md5"])
        except (yaml.YAMLError, LookupError, TypeError, ValueError) as error:
            raise SafeLRMError(
                f"is no pin ({error!r})", file=path, fix=f"take it from git: git checkout -- {path}"
            ) from error
    return found
