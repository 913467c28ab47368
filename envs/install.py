"""Installs a lock. `make env` runs this, and only when there is something to install.

python envs/install.py ENV LOCK STAMP          make ENV anew from LOCK with the Python that runs this; write STAMP last
python envs/install.py --add ENV LOCK STAMP    install LOCK on top of ENV

This needs nothing but the standard library. Locks are complete, so packages are installed without their dependencies.
torch's CPU build (`+cpu`) is not on PyPI. Three places are asked for it, in this order:

1. the indexes and folders that the installer is configured with;
2. PyTorch's index of CPU builds, or the one that SAFELRM_TORCH_INDEX names;
3. PyPI, whose build of the same version is for CUDA. The libraries it needs are pinned in gpu.txt beside the lock.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PYTHONS = ((3, 11), (3, 12), (3, 13))
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TORCH_INDEX = os.environ.get("SAFELRM_TORCH_INDEX") or "https://download.pytorch.org/whl/cpu"
OWN_ENV = ".venv"
NEARLY_FULL = 50_000_000

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)")
_INDEX_OPTION = re.compile(r"\.((extra-)?index[-_]url|find-links|no-index|proxy)=")
_NO_NETWORK = re.compile(r"connection broken by|Max retries exceeded|[Tt]imed out|Failed to fetch|Request failed")
_ANSWERED = re.compile(r"from versions: (?!none)")


class SetupError(Exception):
    """A problem of the set-up that the user can mend."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"error: {problem}\n  fix: {fix}")


def local_builds(lock: str) -> tuple[list[str], list[str]]:
    """The pins of a lock whose version is a local build, such as `torch==2.13.0+cpu`, and all its other pins."""
    pins = [line for line in lock.splitlines() if _PIN.match(line)]
    local = [pin for pin in pins if "+" in pin.partition(";")[0]]
    return local, [pin for pin in pins if pin not in local]


def released(pin: str) -> str:
    """The pin of the plain release that a local build was made from."""
    return re.sub(r"\+[^\s;]+", "", pin)


def constraints(lock: str, more: str) -> list[str]:
    """Pins of a lock but for its local builds, and those of another lock for what the first one lacks."""
    local, others = local_builds(lock)
    names = {pin.partition("==")[0] for pin in local + others}
    return others + [line for line in more.splitlines() if _PIN.match(line) and line.partition("==")[0] not in names]


def is_network_failure(output: str) -> bool:
    """Whether an installer reached no index, as far as its output tells."""
    return bool(_NO_NETWORK.search(output)) and not _ANSWERED.search(output)


def explain(output: str, env: Path, lock: Path) -> SetupError:
    """The error to show for what an installer said."""
    last = "\n".join(line[:200] for line in output.strip().splitlines()[-3:])
    there = next(folder for folder in (env, *env.absolute().parents) if folder.exists())
    if "No space left on device" in output or shutil.disk_usage(there).free < NEARLY_FULL:
        return SetupError(
            f"{env}: the disk is full; {lock} takes 3 GB, and 7 GB with PyPI's CUDA build of torch",
            "free some space, or use another disk: `make ENV=/other/disk/venv`, and TMPDIR for temporary files",
        )
    if "ensurepip is not available" in output:
        return SetupError("this Python has no venv", "install it, on Debian and Ubuntu: `apt install python3-venv`")
    if is_network_failure(output):
        return SetupError(
            f"{lock}: no package index can be reached\n{last}",
            "connect to a network that reaches PyPI, or name a mirror (PIP_INDEX_URL) or proxy (HTTPS_PROXY)",
        )
    return SetupError(
        f"{lock}: could not be installed for Python {PYTHON}\n{last}",
        "use Linux on x86_64 and an index that has these packages; PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS"
        " and SAFELRM_TORCH_INDEX (torch's +cpu build) say where they are",
    )


def require_python(version: tuple[int, int]) -> None:
    """Refuse a Python for which there is no lock."""
    if version not in PYTHONS:
        raise SetupError(
            f"{sys.executable} is Python {version[0]}.{version[1]}; SafeLRM needs 3.11, 3.12 or 3.13",
            "install one of them, or name one: `make PYTHON=/path/of/python3.11`",
        )


def require_own(env: Path, lock: Path) -> None:
    """Refuse to replace an environment that may be in use elsewhere, or that is another lock's."""
    # behind a link there may be anything
    if (str(env) != OWN_ENV or env.is_symlink()) and env.exists():
        raise SetupError(f"{env} is not of {lock}; it may be in use elsewhere", "remove it, or leave ENV out")
    for stamp in sorted(env.glob(".lock-*")):
        other = stamp.read_text(encoding="utf-8").strip()
        if other not in ("", str(lock)):
            raise SetupError(f"{env} is the environment of {other}", f"say `make LOCK={other}`, or remove {env}")


class Installer:
    """uv where it is there, else the environment's pip; pip as well where pip alone is told of other indexes."""

    def __init__(self, env: Path) -> None:
        python = str(env / "bin/python")
        uv = shutil.which("uv")
        if uv and not _INDEX_OPTION.search(_output([python, "-m", "pip", "config", "list"])):
            self.command = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
            self.torch_index = ["--index", TORCH_INDEX]
        else:
            self.command = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            self.torch_index = ["-i", TORCH_INDEX, "--retries", "1"]

    def install(self, *arguments: str, requirements: Sequence[str] = (), constraints: Sequence[str] = ()) -> str | None:
        """Install requirements; what the installer said if it failed."""
        with tempfile.TemporaryDirectory() as folder:
            command = [*self.command, *arguments]
            for option, lines in (("requirement", requirements), ("constraint", constraints)):
                if lines:
                    file = Path(folder, f"{option}.txt")
                    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
                    command += [f"--{option}", str(file)]
            return _run(command)


def install_lock(installer: Installer, env: Path, lock: Path) -> None:
    """Install what a lock pins, its local builds first, since it is not known who has them."""
    local, others = local_builds(lock.read_text(encoding="utf-8"))
    output = install_local(installer, local, lock) if local else None
    output = output or installer.install("--no-deps", requirements=others)
    if output:
        raise explain(output, env, lock)


def install_local(installer: Installer, local: list[str], lock: Path) -> str | None:
    """Install local builds from the first place that has them, or the plain releases that they were made from."""
    output = installer.install("--no-deps", requirements=local)
    if output is None or is_network_failure(output):
        return output
    names = ", ".join(local)
    print(f"{names}: not on the configured index; asking {TORCH_INDEX}", flush=True)
    if installer.install("--no-deps", *installer.torch_index, requirements=local) is None:
        return None
    plain = [released(pin) for pin in local]
    print(f"{names}: not there either; taking {', '.join(plain)}, for CUDA: 5 GB more", flush=True)
    gpu = lock.with_name("gpu.txt")
    more = gpu.read_text(encoding="utf-8") if gpu.exists() else ""
    pins = constraints(lock.read_text(encoding="utf-8"), more)
    return installer.install(requirements=plain, constraints=pins)


def make_environment(env: Path, lock: Path) -> None:
    """An environment of exactly this lock; nothing is left of it if that fails."""
    require_python(sys.version_info[:2])
    require_own(env, lock)
    print(f"installing {lock} into {env} with Python {PYTHON}; this takes minutes", flush=True)
    try:
        if output := _run([sys.executable, "-m", "venv", "--clear", str(env)]):
            raise explain(output, env, lock)
        install_lock(Installer(env), env, lock)
    except BaseException:
        shutil.rmtree(env, ignore_errors=True)
        raise


def main(arguments: list[str]) -> None:
    """Install as the command line says."""
    add = arguments[0] == "--add"
    env, lock, stamp = map(Path, arguments[add:])
    if not lock.is_file():
        raise SetupError(f"{lock}: there is no such lock", "name one of envs/, such as `make LOCK=envs/cpu-vllm.txt`")
    if add:
        install_lock(Installer(env), env, lock)
    else:
        make_environment(env, lock)
    # extras leave their stamp empty: the environment stays that of its lock
    stamp.write_text("" if add else f"{lock}\n", encoding="utf-8")


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _run(command: list[str]) -> str | None:
    """What a command said if it failed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout or f"{command[0]} failed with {done.returncode}" if done.returncode else None


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SetupError as error:
        sys.exit(str(error))
