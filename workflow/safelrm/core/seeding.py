"""Seeds derived from names."""

import hashlib


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2**31) that depends on the parts alone, equal on every machine and in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
