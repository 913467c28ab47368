"""The image that jobs run in with `snakemake --sdm apptainer`."""

import shutil
import subprocess
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.dag.settings import Study

BUILD = "apptainer build --build-arg LOCK={lock} {image} envs/containers/safelrm.def"


def image(study: Study) -> str:
    """The image file of a study: the configured one, or the place of the one that is built of its lock."""
    return study.execution.container or f"envs/containers/{Path(study.lock).stem}.sif"


def require_image(path: str, lock: Path) -> None:
    """Make sure that an image holds what the lock says, since the code hash believes the lock.

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
