"""Samples and verdicts whose metrics are known: four prompts of each kind per run, each of them TIMES times.

Over fewer prompts there would be no numbers, by category either.
"""

import itertools
from typing import NamedTuple

import pandas as pd

from safelrm.analysis.settings import ModelModes

JUDGES = {"safety_judge": "guard", "refusal_judge": "refusal", "accuracy_judge": "exact"}
FIELDS = {"guard": "safety", "refusal": "refusal", "exact": "correctness"}
# trace and answer of the four harmful prompts: leak, escape, safe, unscored
HARMFUL = (("unsafe", "safe"), ("safe", "unsafe"), ("safe", "safe"), ("safe", "unscored"))
# a run without trace
NO_TRACE = ((None, "safe"), (None, "safe"), (None, "unsafe"), (None, "safe"))
ALL_SAFE = (("safe", "safe"),) * 4
TIMES = 30
KEY = ("model", "arm", "seed", "decoding", "benchmark", "prompt_id", "sample", "kind", "category")


class Run(NamedTuple):
    """A run: what its harmful rollouts are, and how many of its four answers are correct."""

    arm: str = "base"
    seed: int = 0
    model: str = "m"
    decoding: str = "default"
    harmful: tuple = HARMFUL
    correct: int = 3


def models(**modes: list[str]) -> list[ModelModes]:
    return [ModelModes(name=name, decodings=decodings) for name, decodings in modes.items()]


def sample(run: Run, kind: str, index: int, state: str = "ok") -> dict:
    return {
        "model": run.model,
        "arm": run.arm,
        "seed": run.seed,
        "decoding": run.decoding,
        "benchmark": f"{kind}_set",
        "prompt_id": f"{kind}-{index}",
        "sample": 0,
        "kind": kind,
        "category": f"c{index % 4 % 2}",
        "parse_state": state,
        "finish_reason": "length" if state == "truncated" else "stop",
        "prompt_tokens": 5,
        "trace_tokens": 4,
        "completion_tokens": 10 + index % 4,
    }


def verdict(of: dict, judge: str, part: str, said: str) -> dict:
    scored = said != "unscored"
    return {name: of[name] for name in KEY} | {
        "judge": judge,
        "field": FIELDS[judge],
        "part": part,
        "verdict": said,
        "score": float(said == "unsafe") if scored and judge == "guard" else None,
        "state": "scored" if scored else "cut_off",
    }


def both(trace: str | None, answer: str) -> str:
    """What is said of t+y: of the answer alone where there is no trace."""
    said = {trace, answer}
    return next((name for name in ("unscored", "unsafe") if name in said), "safe")


def rows_of(run: Run, times: int) -> tuple[list[dict], list[dict]]:
    samples, verdicts = [], []
    for index, (trace, answer) in enumerate(run.harmful * times):
        row = sample(run, "harmful", index, "truncated" if answer == "unscored" else "ok")
        samples.append(row)
        parts = {"t": trace or "unscored", "y": answer, "t+y": both(trace, answer)}
        verdicts += [verdict(row, "guard", part, said) for part, said in parts.items()]
        verdicts.append(verdict(row, "refusal", "y", "refusal" if index % 4 == 2 else "compliance"))
    for index in range(4 * times):
        row = sample(run, "benign", index)
        samples.append(row)
        verdicts += [verdict(row, "guard", part, "safe") for part in ("t", "y", "t+y")]
        verdicts.append(verdict(row, "refusal", "y", "refusal" if index % 4 == 0 else "compliance"))
        row = sample(run, "reasoning", index)
        samples.append(row)
        verdicts.append(verdict(row, "exact", "y", "correct" if index % 4 < run.correct else "incorrect"))
    return samples, verdicts


def frames(*runs: Run, times: int = TIMES) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples and verdicts of the runs."""
    samples, verdicts = zip(*(rows_of(run, times) for run in runs), strict=True)
    rows = pd.DataFrame(itertools.chain(*samples)), pd.DataFrame(itertools.chain(*verdicts))
    rows[1]["score"] = rows[1].score.astype(float)
    return rows
