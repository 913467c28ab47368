"""Kill jobs, Snakemake and SLURM's daemons at random moments; the study must end as if nothing had happened.

    make soak-slurm                                  the study at its smallest size, 20 kills
    python tests/soak/soak_slurm.py --kills 5 --seed 1

As soak.py, on the SLURM of tests/slurm: one copy of the checkout runs the study undisturbed, on this machine; the
other one's jobs go to SLURM, where they are cancelled, or their processes, Snakemake, slurmctld and slurmd are killed
with SIGKILL. Daemons are started again after a while, as an administrator would; Snakemake, whenever it has ended.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import slurm_node as node
from soak import start
from workflow_runs import Stamp, copy_of_checkout, digests, take_note

KINDS = ("job", "process", "snakemake", "slurmctld", "slurmd")
# a hang is a failure
PATIENCE = 3600.0


def kill_daemon(name: str, rng: random.Random) -> str:
    """Kill a daemon, and start it again after a while."""
    node.kill_daemon(name)
    away = rng.uniform(1.0, 30.0)
    time.sleep(away)
    node.start_daemon(name)
    return f"away for {away:.0f} s"


def kill(kind: str, folder: Path, runner: subprocess.Popen, rng: random.Random) -> str:
    """Kill something of a kind; what it was, or nothing if there was nothing to kill."""
    if kind in {"slurmctld", "slurmd"}:
        return kill_daemon(kind, rng)
    if kind == "snakemake":
        runner.kill()
        runner.wait()
        return f"process {runner.pid}"
    if kind == "job" and (jobs := node.running(folder)):
        job = rng.choice(jobs)
        node.command("scancel", job.number)
        return job.what
    if kind == "process" and (processes := list(node.stages(folder))):
        stage, process = rng.choice(processes)
        process.kill()
        return stage
    return ""


def disturbed(folder: Path, launch: list[str], kills: int, longest: float, rng: random.Random) -> None:
    """Run the study to its end, with that many kills on the way, of all kinds equally often.

    Raises:
        SystemExit: something finished was made again, or the study does not end.
    """
    before: dict[Path, Stamp] = {}
    kinds = [KINDS[number % len(KINDS)] for number in range(kills)]
    rng.shuffle(kinds)
    latest = time.monotonic() + PATIENCE
    runner = start(folder, launch)
    while kinds or runner.poll() != 0:
        if time.monotonic() > latest:
            sys.exit(f"the study does not end: {(folder / 'soak.log').read_text()[-5000:]}")
        try:
            runner.wait(timeout=rng.uniform(1.0, longest))
        except subprocess.TimeoutExpired:
            node.give_back()
            if kinds and (what := kill(kinds[0], folder, runner, rng)):
                print(f"kill {len(kinds)}: {kinds.pop(0)}: {what}", flush=True)
        if runner.poll() == 0 and kinds:
            sys.exit(f"the study ended before {len(kinds)} kills: give a smaller --longest")
        if runner.poll():
            take_note(folder, before)
            runner = start(folder, launch)
    known = len(before)
    take_note(folder, before)
    print(f"{known} files were finished at the last restart, and are the same files now")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfiles", nargs="+", default=["config.yaml", "tests/e2e/tiny.yaml"], help="the study")
    parser.add_argument("--kills", type=int, default=20, help="kills, in turn of each kind")
    parser.add_argument("--longest", type=float, default=30.0, help="most seconds between two kills")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments and of the victims")
    arguments = parser.parse_args()
    config = ["--configfile", *arguments.configfiles]
    if reason := node.up():
        sys.exit(reason)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            calm, rough = (copy_of_checkout(Path(temporary, name)) for name in ("calm", "rough"))
            began = time.monotonic()
            if start(calm, ["--cores", "2", *config]).wait():
                sys.exit((calm / "soak.log").read_text()[-5000:])
            undisturbed = time.monotonic() - began
            began = time.monotonic()
            launch = [*node.PROFILE, *config]
            disturbed(rough, launch, arguments.kills, arguments.longest, random.Random(arguments.seed))
            ratio = (time.monotonic() - began) / undisturbed
            expected, found = digests(calm), digests(rough)
            ended = len(node.jobs(rough))
    finally:
        node.down()
    differing = sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
    if differing:
        sys.exit(f"differ from the undisturbed run: {differing}")
    print(
        f"{arguments.kills} kills: {len(expected)} files as in the undisturbed local run, made by {ended} SLURM jobs"
        f" in {ratio:.2f} times its {undisturbed:.0f} s"
    )


if __name__ == "__main__":
    main()
