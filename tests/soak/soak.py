"""Kill jobs and Snakemake itself at random moments; the study must end as if nothing had happened.

    make soak                                        the default study, 20 kills
    python tests/soak/soak.py --configfiles config.yaml tests/e2e/tiny.yaml --kills 20

Two copies of the checkout: one runs the study undisturbed, in the other processes are killed with SIGKILL, and
Snakemake is started again whenever it has ended. At the end every data set, checkpoint, rollout, verdict, table and
figure must have the same bytes, and nothing that had been finished before a kill may have been made again.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_runs import SNAKEMAKE, Stamp, copy_of_checkout, digests, take_note


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


def disturbed(folder: Path, launch: list[str], kills: int, longest: float, rng: random.Random) -> None:
    """Run the study to its end, with that many kills on the way.

    Raises:
        SystemExit: something finished was made again, or the study does not end.
    """
    before: dict[Path, Stamp] = {}
    runner = start(folder, launch)
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
        take_note(folder, before)
        runner = start(folder, launch)
    while runner.wait():
        take_note(folder, before)
        runner = start(folder, launch)
        if runner.wait() and not kills:
            sys.exit(f"the study does not end: see {folder}/soak.log")
    take_note(folder, before)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfiles", nargs="+", default=["config.yaml"], help="the study")
    parser.add_argument("--kills", type=int, default=20, help="processes to kill")
    parser.add_argument("--cores", type=int, default=2, help="cores of Snakemake")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments and of the victims")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as temporary:
        calm, rough = (copy_of_checkout(Path(temporary, name)) for name in ("calm", "rough"))
        began = time.monotonic()
        launch = ["--cores", str(arguments.cores), "--configfile", *arguments.configfiles]
        if start(calm, launch).wait():
            sys.exit((calm / "soak.log").read_text()[-5000:])
        undisturbed = time.monotonic() - began
        began = time.monotonic()
        longest = 2 * undisturbed / arguments.kills
        rng = random.Random(arguments.seed)
        disturbed(rough, launch, arguments.kills, longest, rng)
        ratio = (time.monotonic() - began) / undisturbed
        expected, found = digests(calm), digests(rough)
    differing = sorted(str(path) for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
    if differing:
        sys.exit(f"differ from the undisturbed run: {differing}")
    print(f"{arguments.kills} kills: {len(expected)} files as in the undisturbed run, in {ratio:.2f} times its time")


if __name__ == "__main__":
    main()
