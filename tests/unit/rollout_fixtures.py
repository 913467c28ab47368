"""Rollouts of one model whose traces and answers are known."""

import pandas as pd

# trace and answer of the prompts p0, p1, …
TEXTS = (("a b c d", "yes"), ("a b a b a b a b", "no"), (None, "no"), ("a", "yes"))


def rollouts(arm: str = "base", seed: int = 0, texts: tuple = TEXTS) -> pd.DataFrame:
    """Rows of ROLLOUTS of a run."""
    frame = pd.DataFrame(texts, columns=["trace", "answer"])
    words = frame.trace.fillna("").str.split().str.len()
    return frame.assign(
        model="m",
        arm=arm,
        seed=seed,
        decoding="default",
        benchmark="b",
        prompt_id=[f"p{number}" for number in range(len(frame))],
        sample=0,
        kind="benign",
        category="c",
        prompt="how ?",
        reference=pd.Series([None] * len(frame), dtype=object),
        completion="text",
        parse_state=["no_think" if trace is None else "ok" for trace in frame.trace],
        finish_reason="stop",
        prompt_tokens=3,
        trace_tokens=words,
        completion_tokens=words + 1,
        request_seed=1,
    )
