"""Pin a finished study: the only command that writes tracked files.

DVC pins the folders `data`, `checkpoints` and `rollouts` (`data.dvc` and so on). What a reader needs, and what all
tables are made from, is copied to `results/published/<study>/`: a few MB, without the texts that models wrote.

    snakemake --cores 1 pin
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from safelrm.core.cli import run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path

PINNED = ("data", "checkpoints", "rollouts")
PUBLISHED = ("tables", "figures", "samples.parquet", "verdicts", "audit", "validation")


def pin(results: Path, datasets: Sequence[str]) -> None:
    """Pin the folders and publish the results.

    Args:
        results: results of the study.
        datasets: names of the study's data sets; `data` must hold no other, since the folder is pinned whole.

    Raises:
        SafeLRMError: `data` holds files of another study, or DVC fails.
    """
    foreign = {path.stem for path in Path("data").glob("*.parquet")} - set(datasets)
    if foreign:
        raise SafeLRMError(f"holds {sorted(foreign)} of another study", file="data", fix="remove these files first")
    for folder in PINNED:
        if Path(folder).is_dir():
            _dvc_add(folder)
    published = results.parent / "published" / results.name
    with atomic_path(published) as temporary:
        for name in PUBLISHED:
            source = results / name
            if source.is_dir():
                shutil.copytree(source, temporary / name, ignore=shutil.ignore_patterns(".*"))
            elif source.is_file():
                temporary.mkdir(exist_ok=True)
                shutil.copy2(source, temporary / name)


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
    parser = stage_parser(__doc__)
    parser.add_argument("--study", required=True, help="name of the study, whose results are in results/<study>")
    parser.add_argument("--datasets", required=True, nargs="+", help="names of the study's data sets")
    arguments = parser.parse_args()
    pin(Path("results") / arguments.study, arguments.datasets)


if __name__ == "__main__":
    run(main)
