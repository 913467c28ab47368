"""Kill jobs and Snakemake itself at random moments; the study must end as if nothing had happened.

    make soak                                        the default study, 20 kills
    python tests/soak/soak.py --configfiles config.yaml tests/e2e/tiny.yaml --kills 100 --other tests/soak/other.yaml

Copies of the checkout: one runs the study undisturbed, in the other processes are killed with SIGKILL, and Snakemake is
started again whenever it has ended. At the end every data set, checkpoint, rollout, verdict, table and figure must have
the same bytes, and nothing that had been finished before a kill may have been made again.

With `--other`, Snakemake is started with another configuration on top every other time, in the same folder. Both
studies must end as in folders of their own. What the cache has kept of either must not be made again.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_runs import SNAKEMAKE, Stamp, copy_of_checkout, digests, finished, kept, take_note


def start(folder: Path, arguments: list[str]) -> subprocess.Popen:
    """Run Snakemake as `make reproduce` does: a stale lock is removed first."""
    unlock = [sys.executable, "-m", "safelrm.operations.owner"]
    environment = {**os.environ, "PYTHONPATH": str(folder / "workflow")}
    subprocess.run(unlock, cwd=folder, env=environment, check=True)
    with (folder / "soak.log").open("a") as log:
        return subprocess.Popen(
            [*SNAKEMAKE, *arguments], cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=os.environ
        )


def victims(runner: subprocess.Popen) -> list[psutil.Process]:
    """Snakemake and the stages that it runs now."""
    try:
        process = psutil.Process(runner.pid)
        children = process.children(recursive=True)
        return [process, *(child for child in children if any("safelrm." in part for part in child.cmdline()))]
    except psutil.Error:
        return []


def disturbed(
    folder: Path, launches: list[list[str]], kills: int, longest: float, rng: random.Random
) -> Iterator[dict[str, str]]:
    """Run studies to their ends in turn, with that many kills on the way; the digests at the end of each.

    Raises:
        SystemExit: something finished was made again, or the study does not end.
    """
    before: dict[Path, Stamp] = {}
    note = partial(take_note, folder, before, finished if len(launches) == 1 else kept)
    turns = cycle(launches)
    runner = start(folder, next(turns))
    while kills:
        try:
            runner.wait(timeout=rng.uniform(1.0, longest))
        except subprocess.TimeoutExpired:
            alive = victims(runner)
            # Snakemake itself as often as all of its jobs together
            victim = rng.choice([alive[0], rng.choice(alive)]) if alive else None
            if victim is None:
                continue
            print(f"kill {kills}: {' '.join(victim.cmdline()[:5])}", flush=True)
            victim.kill()
            kills -= 1
            if victim.pid != runner.pid:
                continue
            runner.wait()
        note()
        runner = start(folder, next(turns))
    runner.wait()
    for launch in launches:
        note()
        # a job that was killed has failed, once
        if start(folder, launch).wait() and start(folder, launch).wait():
            sys.exit(f"the study does not end: see {folder}/soak.log")
        note()
        yield digests(folder)


def calm(folder: Path, launch: list[str]) -> tuple[dict[str, str], float]:
    """Run a study undisturbed; its digests, and the seconds that it took."""
    began = time.monotonic()
    if start(folder, launch).wait():
        sys.exit((folder / "soak.log").read_text()[-5000:])
    return digests(folder), time.monotonic() - began


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfiles", nargs="+", default=["config.yaml"], help="the study")
    parser.add_argument("--other", help="a file that makes another study of it")
    parser.add_argument("--kills", type=int, default=20, help="processes to kill")
    parser.add_argument("--cores", type=int, default=2, help="cores of Snakemake")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments and of the victims")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    launch = ["--cores", str(arguments.cores), "--configfile", *arguments.configfiles]
    launches = [launch] + ([[*launch, arguments.other]] if arguments.other else [])
    with tempfile.TemporaryDirectory() as temporary:
        copies = (copy_of_checkout(Path(temporary, str(number))) for number in range(len(launches)))
        undisturbed = [calm(copy, launch) for copy, launch in zip(copies, launches, strict=True)]
        seconds = sum(taken for _, taken in undisturbed)
        began = time.monotonic()
        rough, rng = copy_of_checkout(Path(temporary, "rough")), random.Random(arguments.seed)
        ends = disturbed(rough, launches, arguments.kills, 2 * seconds / arguments.kills, rng)
        for (expected, _), found in zip(undisturbed, ends, strict=True):
            # what another study has left beside it does not count
            names = expected.keys() if arguments.other else expected.keys() | found.keys()
            if differing := sorted(name for name in names if expected.get(name) != found.get(name)):
                sys.exit(f"differ from the undisturbed run: {differing}")
        ratio = (time.monotonic() - began) / seconds
    files = sum(len(expected) for expected, _ in undisturbed)
    print(f"{arguments.kills} kills: {files} files as in the undisturbed run, in {ratio:.2f} times its time")


if __name__ == "__main__":
    main()
