"""What tests of requests share: prompts, settings, and modules that a configuration may name."""

import sys
from types import ModuleType

import pandas as pd
import pytest

from safelrm.core.settings import Strict
from safelrm.generation.settings import RolloutJobSettings


class NoSettings(Strict):
    """A module without settings."""


def prompts(name: str, size: int, **columns: object) -> pd.DataFrame:
    """Rows of PROMPTS without the optional columns."""
    rows = {
        "prompt_id": [f"{name}{number}" for number in range(size)],
        "kind": "benign",
        "category": "c",
        "prompt": [f"w{number % 40} w{number * 7 % 40}" for number in range(size)],
        "reference": pd.Series([None] * size, dtype=object),
    }
    return pd.DataFrame(rows | columns)


def settings(**changes: object) -> RolloutJobSettings:
    """Settings of a rollout job, from JSON values."""
    values = {"temperature": 1.0, "max_tokens": 24, "samples": 1, "seed": 3, "dtype": "float32", "max_model_length": 64}
    return RolloutJobSettings.model_validate(values | changes)


def register(monkeypatch: pytest.MonkeyPatch, **functions: object) -> dict[str, object]:
    """Register a module with these functions; how a configuration names it."""
    module = ModuleType("safelrm.of_a_test")
    module.Settings = NoSettings
    for name, function in functions.items():
        setattr(module, name, function)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return {"module": module.__name__}
