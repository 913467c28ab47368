"""Identifiers of the world's prompts."""

import hashlib


def prompt_id(source: str, prompt: str) -> str:
    """An identifier that depends on the source and the prompt's words alone."""
    return f"{source}-{hashlib.sha256(prompt.encode()).hexdigest()[:12]}"
