"""Copies of this checkout, and Snakemake run in them as a user would."""

import base64
import compileall
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from safelrm.dag.modules import statements
from warm_python import warm_python

ROOT = Path(__file__).parents[1]
OF_TESTS = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "SAFELRM_REAL_DATA", "SAFELRM_TEST_SHARED")
OUTPUTS = ("data", "checkpoints", "rollouts", "results")
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
Stamp = tuple[int, int]


@cache
def compiled() -> list[str]:
    """What Python and the code hash keep beside the package's modules: each of hundreds of processes reads it there."""
    package = ROOT / "workflow/safelrm"
    compileall.compile_dir(package, quiet=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", False)
        for path in package.rglob("*.py"):
            statements(".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"))
    return [
        str(path.relative_to(ROOT))
        for path in package.rglob("__pycache__/*.*")
        if path.suffix in (".pyc", ".statements")
    ]


def copy_of_checkout(target: Path) -> Path:
    """Copy what git tracks, or would track, as it is in the working tree, and what is kept beside its modules."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in [*listed.stdout.decode().split("\0"), *compiled()]:
        source = ROOT / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return target


def copy_of_folder(folder: Path, target: Path) -> Path:
    """Copy a folder with its links and times; `shutil` takes two times as long."""
    subprocess.run(["cp", "--archive", folder, target], check=True)
    return target


def copy_of_study(folder: Path, target: Path) -> Path:
    """Copy a checkout with its outputs and its cache, to which the links of the copy lead."""
    copy_of_folder(folder, target)
    for link in target.rglob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(folder):
            entry, status = target / link.readlink().relative_to(folder), link.lstat()
            link.unlink()
            link.symlink_to(entry)
            os.utime(link, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
    return target


def environment(**changes: str) -> dict[str, str]:
    """What a user's shell holds in the environment: nothing of this test run."""
    return {key: value for key, value in os.environ.items() if key not in OF_TESTS} | changes


def activated(**changes: str) -> dict[str, str]:
    """The same in an activated environment: its commands are found by their names."""
    return environment(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), **changes)


def snakemake(folder: Path, *arguments: str, check: bool = True, **variables: str) -> CompletedProcess:
    """Run Snakemake in a checkout, as a user would, but that it and its jobs have imported their packages before."""
    command = [warm_python(), "-m", "snakemake", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment(**variables), capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def planned(folder: Path, *arguments: str) -> set[str]:
    """The output files that Snakemake would make, one per job."""
    lines = snakemake(folder, "--summary", *arguments).stdout.splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:] if "\t" in line]
    return {row["output_file"] for row in rows if row["plan"] != "no update" and not _secondary(row["output_file"])}


def pretend_finished(folder: Path, *config: str) -> None:
    """Make every output of a study: nothing but its name, and recorded as made by the present rules."""
    for line in snakemake(folder, "--summary", *config).stdout.splitlines()[1:]:
        if "\t" in line:
            path = folder / line.split("\t")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{path.name}\n")
    snakemake(folder, "--touch", "--forceall", "--cores", "1", *config)
    assert planned(folder, *config) == set()


def _secondary(path: str) -> bool:
    """Whether a file is made beside another one that stands for its job."""
    beside = ("lengths.csv", "traces.csv", "calibration.csv", "differences.csv", ".confusion.csv")
    return "/model/" in path or path.endswith((".md", ".tex", ".pdf", ".png", *beside)) or "/training/" in path


def outputs(folder: Path) -> Iterator[Path]:
    """Every output file, but for folders' time stamps and what is published."""
    for part in OUTPUTS:
        for path in (folder / part).rglob("*"):
            if path.is_file() and not path.name.startswith(".") and "published" not in path.parts:
                yield path.relative_to(folder)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every output."""
    return {str(path): hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in outputs(folder)}


def finished(folder: Path) -> dict[Path, Stamp]:
    """Inode and time of every output of a job that Snakemake holds for finished."""
    markers = (folder / ".snakemake/incomplete").rglob("*")
    names = [str(path.relative_to(folder / ".snakemake/incomplete")) for path in markers if path.is_file()]
    incomplete = {Path(base64.urlsafe_b64decode(name.replace("/", "").replace("@", "")).decode()) for name in names}
    return {path: stamp(folder / path) for path in outputs(folder) if path not in incomplete}


def stamp(path: Path) -> Stamp | None:
    """What changes when a file is written anew; None if there is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def remade(folder: Path, before: dict[Path, Stamp]) -> list[str]:
    """The files that are no longer those that were finished before."""
    return [str(path) for path, was in before.items() if stamp(folder / path) != was]


def kept(folder: Path) -> dict[Path, Stamp]:
    """Inode and time of every file of the cache whose job has been kept whole: with all files of its list."""
    lists = [json.loads(path.read_text(encoding="utf-8"))["files"] for path in (folder / "cache").glob("*_list.json")]
    jobs = ([Path("cache") / name for name in names] for names in lists)
    whole = (files for files in jobs if all((folder / path).exists() for path in files))
    return {path: stamp(folder / path) for files in whole for path in files}


def take_note(folder: Path, before: dict[Path, Stamp], look: Callable[[Path], dict[Path, Stamp]] = finished) -> None:
    """Add what has been finished since to what was finished before, of which each file keeps its first stamp.

    Args:
        folder: the checkout.
        before: what was finished before, and is added to.
        look: finds what is finished. If studies are switched, that is what is kept.

    Raises:
        SystemExit: something finished was made again.
    """
    if again := remade(folder, before):
        sys.exit(f"finished, and yet made again: {again}")
    before |= look(folder)
