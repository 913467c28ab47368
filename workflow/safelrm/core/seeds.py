"""Seeds derived from names, and the seeding of everything random in a process."""

import hashlib
import os

from safelrm.core.process import CORES


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2**31) that depends on the parts alone. The seed is equal on every machine and in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch, and ask torch for deterministic kernels and, on a CPU, for the job's cores.

    Call it before a model or an adapter is made: both are initialised at random.
    """
    # these imports take seconds, and most users of this module want `derive_seed`
    import torch  # noqa: PLC0415
    from transformers import set_seed  # noqa: PLC0415

    set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # otherwise torch fills fresh memory to expose kernels that read it, for a fifth of the time of a step of RL
    torch.utils.deterministic.fill_uninitialized_memory = False
    if not torch.cuda.is_available():
        torch.set_num_threads(int(os.environ.get(CORES, "1")))
