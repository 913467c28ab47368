"""Environment variables of every job."""

import os
import sys
from pathlib import Path


def job_environment(package_root: str) -> dict[str, str]:
    """Variables that jobs inherit: where code comes from, what makes numbers repeat, and no network.

    Args:
        package_root: the folder that holds the package of this checkout.

    The instruction set is fixed so that processors choose the same kernels where they can
    (vLLM's CPU build still picks its own). Threads that wait must not spin: with fewer cores than
    threads that costs a factor of ten.
    """
    binaries = str(Path(sys.executable).parent)
    return {
        "PYTHONPATH": package_root,
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)]),
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "AVX2",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
