"""Rollouts for judges: the columns that a test names, and values of one run for all others."""

from types import ModuleType

import pandas as pd

from safelrm.judging.contract import NamedJudge, fields_of


def rollouts(**columns: object) -> pd.DataFrame:
    """One rollout per answer; prompts are named p0, p1 and so on."""
    size = len(columns["answer"])
    run = {"model": "m", "arm": "base", "seed": 0, "decoding": "default", "benchmark": "b", "sample": 0}
    return pd.DataFrame({**run, "prompt_id": [f"p{number}" for number in range(size)], "parse_state": "ok", **columns})


def named(module: ModuleType, name: str = "g", **settings: object) -> NamedJudge:
    """A judge's module under a name, with the fields that it declares."""
    return NamedJudge(name, module.__name__, fields_of(module, module.Settings(**settings)))
