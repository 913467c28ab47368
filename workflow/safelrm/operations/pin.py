"""Pin a finished study: the only command that writes tracked files.

DVC pins the folders `data`, `checkpoints` and `rollouts` (`data.dvc` and so on). What a reader needs, and what all
tables are made from, is copied to `results/published/<study>/`: a few MB, without the texts that models wrote.

    snakemake --cores 1 pin
"""

import os
import shutil
import subprocess
from collections.abc import Collection, Iterable
from pathlib import Path

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.dag.command import configured_parser, plan_of

PINNED = ("data", "checkpoints", "rollouts")


def require_own(folders: Iterable[str], own: Collection[str]) -> None:
    """Make sure that folders, which are pinned whole, hold nothing but the study's files.

    Args:
        folders: folders to look at.
        own: files of the study, and manifests, which stand for all that is in their folder.

    Raises:
        SafeLRMError: there is something else, such as a checkpoint of an arm that the study no longer has.
    """
    manifests = {str(Path(path).parent) for path in own if path.endswith("manifest.json")}
    for folder in folders:
        foreign = [str(path) for path in sorted(Path(folder).rglob("*")) if not _is_of(path, own, manifests)]
        if foreign:
            raise SafeLRMError(
                f"{len(foreign)} files are not of this study, such as {foreign[0]}",
                file=folder,
                fix="remove what other studies and former arms left there, or pin in a clone of its own",
            )


def require_whole(files: Iterable[str]) -> None:
    """Make sure that all files of the study are here, such as all arms where the checkpoints of some were pulled.

    Raises:
        SafeLRMError: one is missing.
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


def publish(files: Iterable[Path], results: Path) -> None:
    """Copy results of a study to `results/published/<study>`, in place of what is there.

    Args:
        files: files below `results`; those of other stems, which a former configuration may have left, stay behind.
        results: results of the study.
    """
    with atomic_path(results.parent / "published" / results.name) as temporary:
        for named in files:
            for path in sorted(named.parent.glob(f"{named.stem}.*")):
                target = temporary / path.relative_to(results)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)


def _dvc_add(folder: str) -> None:
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        ["dvc", "add", "--quiet", folder], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise SafeLRMError(
            f"dvc add failed: {done.stderr.strip()}", file=folder, fix="run it by hand: dvc add " + folder
        )


def main() -> None:
    """Command line of the stage."""
    options = configured_parser(__doc__).parse_args()
    plan = plan_of(options)
    folders = [folder for folder in PINNED if Path(folder).is_dir()]
    require_whole(plan.pinned_files())
    require_own(folders, set(plan.pinned_files()))
    for folder in folders:
        _dvc_add(folder)
    publish(map(Path, plan.published_files()), Path("results", plan.study.name))


if __name__ == "__main__":
    run(main)
