"""Rollouts of tiny models in two decoding modes, for tests of entropies."""

import pandas as pd

from safelrm.generation.schemas import ROLLOUTS

DECODINGS = {"plain": {}, "thinking": {"prefill": True}}
PROMPT = "<|user|> w1 w2 <|end|> <|assistant|>"


def rollout(
    number: int, decoding: str, completion: str, trace: str | None, answer: str | None, *, benchmark: str = "b"
) -> dict:
    """A row of ROLLOUTS, of a completion of words and marks that white space separates."""
    state = ("ok" if trace else "no_think") if answer else "truncated"
    return {
        **{"model": "m", "arm": "sft-x", "seed": 1, "decoding": decoding, "benchmark": benchmark},
        **{"prompt_id": f"p{number}", "sample": 0, "kind": "harmful", "category": "c", "prompt": "w1 w2"},
        **{"reference": None, "completion": completion, "trace": trace, "answer": answer, "parse_state": state},
        "finish_reason": "length" if state == "truncated" else "stop",
        "prompt_tokens": 6 if decoding == "thinking" else 5,
        "trace_tokens": len((trace or "").split()),
        "completion_tokens": len(completion.split()),
        "request_seed": number,
    }


def rollout_table(*rows: dict) -> pd.DataFrame:
    """Rows of ROLLOUTS, without the columns that no row has a value of."""
    names = [name for name in ROLLOUTS.schema.names if name not in ROLLOUTS.optional]
    return pd.DataFrame(rows, columns=names)


# in the order in which rollouts are written
ROLLOUTS_OF_TEN = rollout_table(
    rollout(0, "plain", "<think> w3 w4 w5 </think> w6 w7", "w3 w4 w5", "w6 w7"),
    rollout(1, "plain", "w8 w9 w10", None, "w8 w9 w10"),
    rollout(2, "plain", "<think> w4 w4 w11 w12", "w4 w4 w11 w12", None),
    rollout(3, "plain", "<think> w13 </think> w4", "w13", "w4"),
    rollout(4, "plain", "w20 w21 w22 w23 w24 w25", None, "w20 w21 w22 w23 w24 w25"),
    rollout(0, "thinking", "w4 w14 </think> w15", "w4 w14", "w15"),
    rollout(1, "thinking", "w16 </think> w17 w18", "w16", "w17 w18"),
    rollout(2, "thinking", "w4 w5 w4 w5 w4 </think> w1", "w4 w5 w4 w5 w4", "w1"),
    rollout(3, "thinking", "w30 w31", "w30 w31", None),
    rollout(4, "thinking", "w4 </think> w4 w4", "w4", "w4 w4"),
)
