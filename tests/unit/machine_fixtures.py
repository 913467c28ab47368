"""A machine on which nothing is installed yet."""

import os
import subprocess
import sys
from importlib import metadata
from itertools import groupby
from pathlib import Path

from stand_in_index import add_wheel

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "envs/install.py"
LOCK = "tiny==1.0\n    # via -r base.in\nshared==1.0\n    # via torch\ntorch==2.13.0+cpu\n    # via -r base.in\n"
GPU = "shared==2.0\nnvidia==1.0\n    # via torch\ntorch==2.13.0\ntriton==9.9\n"
TORCH_NEEDS = ("nvidia", "shared")
OPTIONS = ("PIP_", "UV_", "PYTHON", "MAKE", "MFLAGS", "ENV", "LOCK", "EXTRA")


class Machine:
    """A machine that reaches two indexes on a local port, with a lock and nothing configured otherwise."""

    def __init__(self, folder: Path, url: str, asked: list[str]) -> None:
        self.folder, self.url, self.asked = folder, url, asked
        self.pypi, self.pytorch = folder / "served/pypi", folder / "served/pytorch"
        for name, version in (("tiny", "1.0"), ("shared", "1.0"), ("shared", "2.0")):
            add_wheel(self.pypi, name, version)
        self.pytorch.mkdir()
        (folder / "envs").mkdir()
        (folder / "envs/lock.txt").write_text(LOCK)
        (folder / "envs/gpu.txt").write_text(GPU)
        self.variables = {key: value for key, value in os.environ.items() if not key.startswith(OPTIONS)} | {
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"{url}/pypi",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "1",
            "SAFELRM_TORCH_INDEX": f"{url}/pytorch",
        }

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess:
        wanted = {key: value for key, value in (self.variables | variables).items() if value}
        return subprocess.run(command, cwd=self.folder, env=wanted, capture_output=True, text=True, check=False)

    def add_to(self, env: Path, **variables: str) -> subprocess.CompletedProcess:
        """Install the lock into an environment that is there."""
        return self.run(
            sys.executable, str(INSTALL), "--add", str(env), "envs/lock.txt", str(env / "stamp"), **variables
        )

    def place_of(self, name: str) -> list[str]:
        """Which index was asked for a package, in order."""
        return [index for index, _ in groupby(path.split("/")[1] for path in self.asked if path.endswith(f"/{name}/"))]


def installed(env: Path) -> dict[str, str]:
    (packages,) = env.glob("lib/python*/site-packages")
    return {found.name: found.version for found in metadata.distributions(path=[str(packages)])} | {"pip": None}


def packages(env: Path) -> dict[str, str]:
    return {name: version for name, version in installed(env).items() if name not in ("pip", "setuptools")}
