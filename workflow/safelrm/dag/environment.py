"""The environment that jobs run in: its variables, and its image with `snakemake --sdm apptainer`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CACHE, INSTRUCTION_SET
from safelrm.dag.settings import Study

# the instruction set that is fixed unless a study says otherwise
PINNED = "avx2"
BUILD = "apptainer build --build-arg LOCK={lock} {image} envs/containers/safelrm.def"


def job_environment(package_root: str, plugins: Sequence[str], instruction_set: str) -> dict[str, str]:
    """Variables that jobs inherit: where code comes from, what makes numbers repeat, and no network.

    The code hash of every job covers this function.

    Args:
        package_root: the folder that holds the package of this checkout.
        plugins: the folders of the user's modules.
        instruction_set: `avx2`, or `native` for all that the processor has.

    With `avx2`, processors choose the same kernels where they can; vLLM's CPU build still picks its own. Threads that
    wait must not spin: spinning costs a factor of ten where there are fewer cores than threads.
    """
    fixed = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"}
    binaries = str(Path(sys.executable).parent)
    return {
        "PYTHONPATH": os.pathsep.join([package_root, *plugins]),
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)]),
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        INSTRUCTION_SET: instruction_set,
        **(fixed if instruction_set == PINNED else {}),
    }


def output_cache(checkout: Path) -> str:
    """The folder of Snakemake's cache between workflows: `cache` in the checkout, unless the variable names another.

    Outputs are links to the absolute path. The folder is made if it is missing.

    Raises:
        SafeLRMError: it cannot be made.
    """
    folder = Path(os.environ.get(CACHE) or checkout / "cache").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SafeLRMError(
            f"the cache cannot be made ({error.strerror})", file=folder, key=CACHE, fix="name a folder to write into"
        ) from error
    return str(folder)


def image(study: Study) -> str:
    """The image file of a study: the configured one, or else the one that is built of the study's lock."""
    return study.execution.container or f"envs/containers/{Path(study.lock).stem}.sif"


def require_image(path: str, lock: Path) -> None:
    """Make sure that an image holds what the lock says, since the code hash relies on the lock.

    Args:
        path: an Apptainer image.
        lock: the lock of the study, in the checkout.

    Raises:
        SafeLRMError: there is no image or no Apptainer, or the image has another distribution or version.
    """
    build = BUILD.format(lock=lock.stem, image=path)
    if not Path(path).is_file():
        raise SafeLRMError("there is no such image", file=path, key="execution.container", fix=build)
    program = shutil.which("apptainer") or shutil.which("singularity")
    if program is None:
        raise SafeLRMError("there is no apptainer on PATH", file=path, fix="load its module, or leave --sdm out")
    command = [program, "exec", "--bind", str(lock.parents[1]), path, "python", "-m", "safelrm.dag.locks", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SafeLRMError(f"not the environment of the lock:\n{done.stderr.strip()}", file=path, fix=build)
