"""Seeds derived from names.

Everything random in a process that trains, seeded at once.
"""

import hashlib

import torch
from transformers import set_seed


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2**31) that depends on the parts alone, equal on every machine and in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch, and ask torch for deterministic kernels and one thread on CPU.

    Call it before a model or an adapter is made: both are initialised at random.
    """
    set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # it fills fresh memory to expose kernels that read it: a fifth of the time of a step of RL
    torch.utils.deterministic.fill_uninitialized_memory = False
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
