"""The record of a training: `logs/<stage>/…/seed1.json` beside its log. It says what ran, on what, and for how long.

The record is written when the training begins, and again when it ends. If it says `running` and the job has gone, the
job was killed. Nothing depends on a record: it is no output, and no code hash holds this module. It has no environment
variables, no secrets and no texts of data.
"""

import json
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow.lib import ArrowException

from safelrm.core.checkpoints import MANIFEST
from safelrm.core.contents import KEY
from safelrm.core.files import sha256, write_json
from safelrm.core.work import ENDED, ROOT
from safelrm.models.schemas import CURVES
from safelrm.operations.machine import hardware, versions

# options of a training's command line that name what it writes
OUTPUTS = ("manifest", "curve")
# how JSON begins in a command line
JSON = ("{", "[")
TOKENS = ("tokens_trained", "tokens_sampled")
# settings that may hold a secret
SECRET = re.compile(r"^token$|(hub|api|auth|access)_(token|key)$|password|secret", re.IGNORECASE)


def record_path(manifest: Path) -> Path | None:
    """Where the record of the job lies that writes a manifest: beside the job's log. None if no rule writes it."""
    match manifest.parts:
        case "checkpoints", "guards", guard, _:
            return Path("logs", "guard", f"{guard}.json")
        case "checkpoints", model, "base", _, _:
            return Path("logs", "base", f"{model}.json")
        case "checkpoints", model, arm, seed, _ if manifest.name == MANIFEST:
            method, _, recipe = arm.partition("-")
            return Path("logs", method, model, recipe, f"{seed}.json")
    return None


@contextmanager
def recorded(stage: str, arguments: Sequence[str], gpus: int, nodes: int, cores: int) -> Iterator[None]:
    """Record what runs within the block, if it is a training that a rule starts.

    Args:
        stage: module of the stage.
        arguments: its command line.
        gpus: GPUs of the job in all.
        nodes: machines of the job.
        cores: cores of a job on a CPU.
    """
    given = options_of(arguments)
    manifest = Path(*given.get("manifest", []))
    file = record_path(manifest)
    if file is None:
        yield
        return
    before, states = _read(file), _states(stage, manifest)
    began = time.time()
    record: dict[str, object] = {
        "stage": stage,
        "started": _as_text(began),
        "resumed": False,
        "arguments": {name: _shown(values) for name, values in given.items() if name not in OUTPUTS},
        "inputs": {str(path): sha256(path) for path in _inputs(given)},
        "seals": {str(path): _seal(path) for path in _inputs(given) if path.suffix == ".parquet"},
        "versions": versions(),
        "hardware": hardware(gpus) | {"gpus_of_job": gpus, "nodes": nodes, "cores_of_job": 1 if gpus else cores},
    }
    _write(file, record | {"status": "running"})
    status = "failed"
    try:
        yield
        status = "finished"
    except SystemExit as ended:
        status = {0: "finished", None: "finished", 128 + signal.SIGTERM: "terminated"}.get(ended.code, "failed")
        raise
    finally:
        went_on_from = _resumed(states, _states(stage, manifest))
        if went_on_from == ENDED and before:
            # the job computed nothing: it linked the outputs of a run that has ended back
            _write(file, before)
        else:
            record |= _earlier(before) if went_on_from else {}
            _write(file, record | _ending(status, began, given))


def options_of(arguments: Sequence[str]) -> dict[str, list[str]]:
    """The values of each option `--name` of a command line."""
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for argument in arguments:
        if argument.startswith("--"):
            values = found.setdefault(argument.removeprefix("--"), [])
        else:
            values.append(argument)
    return found


def without_secrets(value: object) -> object:
    """Settings without the values of keys that may hold a secret."""
    if isinstance(value, dict):
        return {key: "(left out)" if SECRET.search(key) else without_secrets(item) for key, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def _shown(values: Sequence[str]) -> object:
    """The values of an option: what JSON says, and all else as text. A hash such as 12e345 is no number."""
    shown = [without_secrets(json.loads(value)) if value.startswith(JSON) else value for value in values]
    return shown[0] if len(shown) == 1 else shown


def _inputs(given: dict[str, list[str]]) -> list[Path]:
    """The files that the job reads. A manifest has the hashes of a model's files."""
    values = [value for name, values in given.items() if name not in OUTPUTS for value in values]
    paths = [Path(value.rpartition("=")[2]) for value in values if not value.startswith(JSON)]
    return [path for path in paths if path.is_file()]


def _seal(table: Path) -> str:
    """What a table says of its rows: their number and their hash (`core/contents.py`)."""
    # of a damaged table the stage speaks
    with suppress(OSError, ArrowException):
        return (pq.read_metadata(table).metadata or {}).get(KEY.encode(), b"").decode()
    return ""


def _states(stage: str, manifest: Path) -> dict[str, bool]:
    """The folders with state that runs of this job have left (`core/work.py`), and whether each has ended."""
    place = ROOT / stage.rpartition(".")[2] / str(manifest).replace(os.sep, "+")
    folders = [path for path in place.glob("*") if path.is_dir() and any(path.iterdir())]
    return {path.name: (path / ENDED).exists() for path in folders}


def _resumed(before: dict[str, bool], after: dict[str, bool]) -> str:
    """Whether the state that is left now was there before: `ENDED` if it had ended, `state` if not, or empty."""
    found = [before[name] for name in after if name in before]
    return "" if not found else ENDED if found[0] else "state"


def _ending(status: str, began: float, given: dict[str, list[str]]) -> dict[str, object]:
    seconds = time.time() - began
    # ru_maxrss is in KiB on Linux, in bytes on macOS
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    ending: dict[str, object] = {
        "status": status,
        "ended": _as_text(began + seconds),
        "seconds": round(seconds, 2),
        "peak_memory_mib": round(peak / unit),
    }
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_initialized():
        ending["peak_gpu_memory_mib"] = round(torch.cuda.max_memory_allocated() / 2**20)
    outputs = {name: Path(*given[name]) for name in OUTPUTS}
    if status == "finished" and all(path.is_file() for path in outputs.values()):
        ending["outputs"] = {str(path): sha256(path) for path in outputs.values()}
        ending |= _last_counts(outputs["curve"])
    return ending


def _last_counts(curve: Path) -> dict[str, int]:
    """The tokens that the training has counted at its end, of the counts that its curve has."""
    # what is taken from a hub has a curve without rows
    points = CURVES.read(curve, allow_empty=True).sort_values("step")
    counts = points[points.metric.isin(TOKENS)].groupby("metric").value.last()
    return {str(name): round(value) for name, value in counts.items()}


def _earlier(before: dict[str, object] | None) -> dict[str, object]:
    """What the record says of the runs that this one went on from."""
    known = ("status", "started", "ended", "seconds")
    last = {key: before[key] for key in known if key in before} if before else {}
    return {"resumed": True, "earlier_runs": [*(before or {}).get("earlier_runs", []), last]}


def _write(file: Path, record: dict[str, object]) -> None:
    """Write a record. A training does not fail because its record cannot be written."""
    try:
        write_json(file, record)
    except OSError as error:
        print(f"warning: {file} cannot be written ({error.strerror})", file=sys.stderr)


def _read(file: Path) -> dict[str, object] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _as_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
