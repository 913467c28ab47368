"""Pin a finished study beside the other published ones. No other command writes tracked files.

    snakemake --cores 1 pin

DVC pins the folders `data`, `checkpoints` and `rollouts` (`data.dvc` and so on). They hold the files of all published
studies; other files are refused. Tables and figures are copied to `results/published/<study>/`, with the samples and
verdicts that they are made from. These are a few MB, without the texts that models wrote. `pinned.json` there says
which pinned files are the study's. Files of other published studies need not be here.
"""

import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.db import add_update_tree
from dvc_data.hashfile.meta import Meta

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.dag.command import configured_parser, plan_of
from safelrm.operations.pinned import (
    PINNED,
    PUBLISHED,
    PinnedFile,
    PinnedStudy,
    hashed,
    own_files,
    published_studies,
    tree_of,
    union,
    write_record,
)


def require_own(folders: Iterable[str], own: Collection[str], others: Collection[str] = ()) -> None:
    """Make sure that folders hold nothing but files of published studies, since DVC pins folders whole.

    Args:
        folders: folders to look at.
        own: files of the study. A manifest stands for all files in its folder.
        others: files of the other published studies.

    Raises:
        SafeLRMError: there is another file, such as a checkpoint of an arm that the study no longer has.
    """
    manifests = {str(Path(path).parent) for path in own if path.endswith("manifest.json")}
    for folder in folders:
        paths = [path for path in sorted(Path(folder).rglob("*")) if str(path) not in others]
        foreign = [str(path) for path in paths if not _is_of(path, own, manifests)]
        if foreign:
            raise SafeLRMError(
                f"{len(foreign)} files are neither of this study nor of another published one, such as {foreign[0]}",
                file=folder,
                fix="remove what former arms left there; publish the other study first; or pin in a clone of its own",
            )


def require_whole(files: Iterable[str]) -> None:
    """Make sure that all files of the study are here. `dvc pull` may have fetched the checkpoints of some arms only.

    Raises:
        SafeLRMError: a file is missing.
    """
    missing = [path for path in files if not Path(path).is_file()]
    if missing:
        raise SafeLRMError(
            f"{len(missing)} files of this study are not here",
            file=missing[0],
            fix="dvc pull fetches what was pinned before; snakemake makes the rest",
        )


def _is_of(path: Path, own: Collection[str], manifests: Collection[str]) -> bool:
    if path.is_dir() or path.name.startswith((".snakemake", ".gitignore")):
        return True
    return str(path) in own or str(path.parent) in manifests or str(path.parent.parent) in manifests


def require_unchanged(files: Mapping[str, PinnedFile], others: Mapping[str, PinnedStudy]) -> None:
    """Make sure that the files of other published studies are as those studies pinned them, where they are here.

    Args:
        files: files that this study does not have.
        others: the other published studies.

    Raises:
        SafeLRMError: a file differs.
    """
    here = {path: file for path, file in files.items() if Path(path).is_file()}
    now = hashed(here)
    differing = [path for path, file in here.items() if now[path] != file]
    if differing:
        owner = next(name for name, study in others.items() if differing[0] in study.files)
        raise SafeLRMError(
            f"{len(differing)} files are not as the study `{owner}` pinned them, and not of this study",
            file=differing[0],
            fix=f"remove them, or pin `{owner}` anew: run it, then snakemake pin with its configuration",
        )


def publish(files: Iterable[Path], results: Path) -> None:
    """Copy results of a study to `results/published/<study>`, in place of what is there.

    Args:
        files: files below `results`. Files of the same stem are copied too. Others may be of a former configuration.
        results: the folder of the study's results.
    """
    with atomic_path(results.parent / "published" / results.name) as temporary:
        for named in files:
            for path in sorted(named.parent.glob(f"{named.stem}.*")):
                target = temporary / path.relative_to(results)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)


def pin(folders: Iterable[str], files: Mapping[str, PinnedFile]) -> None:
    """Let DVC pin folders.

    Args:
        folders: folders that are here.
        files: the files of all published studies. Those that are not here are pinned by their hashes: their bytes are
            where the other study was pinned.

    Raises:
        SafeLRMError: DVC fails.
    """
    with Repo() as repo:
        for folder in folders:
            try:
                (stage,) = repo.add(folder)
                (output,) = stage.outs
                tree = tree_of(folder, files)
                if output.hash_info != tree.hash_info:
                    add_update_tree(output.cache, tree)
                    size = sum(meta.size for _, meta, _ in tree)
                    output.hash_info, output.meta = tree.hash_info, Meta(size=size, nfiles=len(tree), isdir=True)
                    stage.dump()
            except DvcException as error:
                raise SafeLRMError(f"dvc: {error}", file=folder, fix=f"run it by hand: dvc add {folder}") from error


def from_checkout(configfiles: Iterable[str]) -> list[str]:
    """Configuration files as paths from the checkout, which is the working folder. Others stay as they are."""
    here = Path.cwd()
    paths = [here / path for path in configfiles]
    return [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in paths]


def pin_study(name: str, named: Collection[str], configfiles: Iterable[str], config: list[str]) -> PinnedStudy:
    """Pin the files of a study beside those of the other published studies, and return the study's record.

    Args:
        name: the study's name.
        named: its files. A manifest stands for all files in its folder.
        configfiles: the configuration files.
        config: `key=value` entries that replace their values.

    Raises:
        SafeLRMError: a file is missing, is of no study, or differs from what another study has pinned; or DVC fails.
    """
    others = {other: study for other, study in published_studies().items() if other != name}
    folders = [folder for folder in PINNED if Path(folder).is_dir()]
    require_whole(named)
    require_own(folders, set(named), union(others).keys())
    own = PinnedStudy(configfiles=from_checkout(configfiles), config=config, files=hashed(own_files(named)))
    files = union(others | {name: own})
    require_unchanged({path: file for path, file in files.items() if path not in own.files}, others)
    pin(folders, files)
    shared = sum(1 for path in own.files if any(path in study.files for study in others.values()))
    print(
        f"{name}: {len(own.files)} files are pinned, {shared} of them also for {', '.join(others) or 'no other study'}"
    )
    return own


def main() -> None:
    """Run the command."""
    options = configured_parser(__doc__).parse_args()
    plan = plan_of(options)
    name = plan.study.name
    record = pin_study(name, plan.pinned_files(), options.configfiles, options.config)
    publish(map(Path, plan.published_files()), PUBLISHED.parent / name)
    write_record(record, name)


if __name__ == "__main__":
    run(main)
