"""How long a guard takes for the trace, the answer and both of many rollouts: in one engine start, and in three passes.

    python benchmarks/guard_parts.py                     10,000 rollouts
    python benchmarks/guard_parts.py --rollouts 1000 --without 0.3    fewer, and a share without a trace

The rollouts are composed, and the guard is tiny and untrained. A pass is a process that starts an engine and reads one
part; without a trace, answer and both are one text, which one start reads once. Each way has a cache of its own. The
ratio is that of CPU seconds, since other work on the machine slows all passes down.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests/unit")]

READING = {"unsafe_label": "unsafe", "safe_label": "safe", "max_length": 1000, "min_label_mass": 0.0}
WORDS = {"prompt": (10, 40), "trace": (150, 450), "answer": (10, 60)}
PASS = """
import json, sys
from pathlib import Path
from safelrm.inference.readings import VllmGuard
from safelrm.inference.settings import GuardSettings
folder, reading, pairs = sys.argv[1:]
pairs = [tuple(pair) for pair in json.loads(Path(pairs).read_text())]
VllmGuard(Path(folder), GuardSettings.model_validate_json(reading), dtype="float32").read(list(dict.fromkeys(pairs)))
"""


def rollouts(count: int, without: float) -> list[tuple[str, str | None, str, str]]:
    """Composed rollouts: prompt, trace, answer, and both; a share is without a trace."""
    drawn = random.Random(1)
    rows = []
    for number in range(count):
        prompt, trace, answer = (
            " ".join(f"w{drawn.randrange(40)}" for _ in range(drawn.randint(*WORDS[part]))) for part in WORDS
        )
        bare = number < without * count
        rows.append((prompt, None if bare else trace, answer, answer if bare else f"<think> {trace} </think> {answer}"))
    return rows


def timed_pass(folder: Path, pairs: list[tuple[str, str]], cache: Path) -> tuple[float, float]:
    """Wall and CPU seconds in which a process reads pairs."""
    cache.mkdir(parents=True, exist_ok=True)
    given = cache / "pairs.json"
    given.write_text(json.dumps(pairs))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "workflow"),
        "SNAKEMAKE_OUTPUT_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
    }
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-c", PASS, str(folder), json.dumps(READING), str(given)]
    subprocess.run(
        command, check=True, env=environment, cwd=cache, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, used


def main() -> None:
    """Print the seconds of both ways, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=10_000, help="how many")
    parser.add_argument("--without", type=float, default=0.0, help="share of rollouts without a trace")
    options = parser.parse_args()
    from tiny_model import SIZES, write_tiny_model  # noqa: PLC0415  (it imports torch, which takes seconds)

    SIZES["max_position_embeddings"] = READING["max_length"] + 24
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        guard = write_tiny_model(work / "guard", scale=5.0).parent / "model"
        rows = rollouts(options.rollouts, options.without)
        parts = [[(row[0], row[part]) for row in rows if row[part]] for part in (1, 2, 3)]
        one = timed_pass(guard, [pair for part in parts for pair in part], work / "one")
        three = [timed_pass(guard, part, work / f"pass{number}") for number, part in enumerate(parts)]
    wall, used = (sum(seconds) for seconds in zip(*three, strict=True))
    print(f"{options.rollouts} rollouts, {options.without:.0%} without a trace")
    print(f"one engine start   {one[0]:8.1f} s, {one[1]:8.1f} s of CPU")
    print(f"three passes       {wall:8.1f} s, {used:8.1f} s of CPU")
    print(f"ratio              {wall / one[0]:8.2f},   {used / one[1]:8.2f} of CPU")


if __name__ == "__main__":
    main()
