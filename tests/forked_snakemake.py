"""Snakemake in forks of a process that has imported it: importing takes longer than planning.

The forked process shares nothing with the tests' own: it has not imported the package, whose modules a copy of the
checkout brings along.
"""

import multiprocessing
import os
import sys
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli"])


def forked_snakemake(folder: Path, environment: dict[str, str], python: str, *arguments: str) -> CompletedProcess:
    """Run Snakemake in a folder, with nothing but the given environment. Its jobs use the given Python."""
    with TemporaryDirectory() as said:
        files = [f"{said}/stdout", f"{said}/stderr"]
        process = FORKS.Process(target=_run, args=(folder, environment, python, arguments, files))
        process.start()
        process.join()
        stdout, stderr = (Path(file).read_text() for file in files)
    return CompletedProcess(arguments, process.exitcode, stdout, stderr)


def _run(folder: Path, environment: dict[str, str], python: str, arguments: tuple[str, ...], files: list[str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    sys.argv, sys.executable = ["snakemake", *arguments], python
    from snakemake.cli import main  # noqa: PLC0415

    main()
