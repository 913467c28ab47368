"""Rollouts for judges: the columns that a test names, and values of one run for all others."""

import pandas as pd


def rollouts(**columns: object) -> pd.DataFrame:
    """One rollout per answer; prompts are named p0, p1 and so on."""
    size = len(columns["answer"])
    run = {"model": "m", "arm": "base", "seed": 0, "decoding": "default", "benchmark": "b", "sample": 0}
    return pd.DataFrame({**run, "prompt_id": [f"p{number}" for number in range(size)], "parse_state": "ok", **columns})
