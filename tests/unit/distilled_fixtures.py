"""Rows of distilled responses and of verdicts on them, and the default study with selections."""

from copy import deepcopy
from functools import cache
from pathlib import Path

import pandas as pd
import yaml

from safelrm.core.trace import parse_completion
from safelrm.generation.schemas import ROLLOUT_KEY

ROOT = Path(__file__).parents[2]
KINDS = {"h": "harmful", "b": "benign", "r": "reasoning"}
GUARDED = {
    "module": "safelrm.training.filters.judged",
    "kinds": ["harmful", "benign"],
    "settings": {"judge": "guard_a", "part": "y", "verdicts": ["safe"]},
}
LIMITS = {"sampling": {"temperature": 1.0, "max_tokens": 96}, "seed": 1}
RECIPE = {"epochs": 1.0, "batch_size": 16, "learning_rate": 3e-4, "max_length": 128}


def distilled(texts: dict[str, list[str | None]]) -> pd.DataFrame:
    """Rows of DISTILLED. The first letter of a prompt's id is that of its kind; None was refused.

    Args:
        texts: the samples of each prompt, by its id.
    """
    rows = []
    for prompt_id, samples in texts.items():
        for sample, text in enumerate(samples):
            parsed = parse_completion(text or "", prefilled=False)
            rows.append(
                {
                    "distillation": "own",
                    "dataset": f"set_{prompt_id[0]}",
                    "prompt_id": prompt_id,
                    "kind": KINDS[prompt_id[0]],
                    "category": "any",
                    "prompt": f"ask {prompt_id}",
                    "reference": "7" if prompt_id[0] == "r" else None,
                    "behavior": None,
                    "sample": sample,
                    "response": text or "",
                    "trace": parsed.trace,
                    "answer": parsed.answer,
                    "parse_state": parsed.state,
                    "finish_reason": "refused" if text is None else "stop",
                    "prompt_tokens": 2,
                    "trace_tokens": len((parsed.trace or "").split()),
                    "answer_tokens": len((parsed.answer or "").split()),
                    "completion_tokens": len((text or "").split()),
                    "request_seed": 0,
                }
            )
    return pd.DataFrame(rows)


def verdicts(rows: pd.DataFrame, said: dict[tuple[str, int], tuple[str, float]], judge: str = "guard") -> pd.DataFrame:
    """Rows of VERDICTS of the field `safety` on answers; unscored of samples that are not in `said`."""
    found = rows.rename(columns={"distillation": "model", "dataset": "benchmark"}).assign(
        arm="distilled", seed=0, decoding="default", judge=judge, field="safety", part="y"
    )
    of = [said.get(key) for key in zip(rows["prompt_id"], rows["sample"], strict=True)]
    found = found.assign(
        verdict=[one[0] if one else "unscored" for one in of],
        score=[one[1] if one else None for one in of],
        state=["scored" if one else "unreadable" for one in of],
    )
    columns = [*ROLLOUT_KEY, "kind", "category", "judge", "field", "part", "verdict", "score", "state"]
    return found[columns].astype({"score": "float64"})


@cache
def _default() -> dict:
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def selection_config(*arms: dict, **changes: dict) -> dict:
    """The default study with a distillation `own`, its selection `direct`, and arms that are trained on it.

    Args:
        arms: the arms, in place of one.
        changes: what the selection has beside its defaults.
    """
    config = deepcopy(_default())
    teacher = {"checkpoint": {"model": "nano_a", "max_model_length": 192}}
    config["distillations"] = {"own": LIMITS | {"teacher": teacher, "prompts": ["rl_harmful", "rl_dial"], "samples": 4}}
    config["selections"] = {"direct": {"distillation": "own", "filters": [GUARDED], **changes}}
    config["sft"]["direct"] = RECIPE | {"dataset": "direct"}
    config["arms"] += arms or [{"model": "nano_b", "method": "sft", "recipe": "direct", "seeds": [1]}]
    return config
