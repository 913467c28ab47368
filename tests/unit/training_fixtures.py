"""What the tests of training share: a template that can be trained on, data, and a check of what a run wrote."""

import json
from pathlib import Path

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.training.command import hide_vllm_from_trl, prepare_process

# tests import this module before the training libraries, which read the environment then
prepare_process()
hide_vllm_from_trl()

# two steps on each batch of rollouts
RL = {
    "prompts": [{"dataset": "harm", "weight": 2}, {"dataset": "sums", "weight": 1}],
    "rewards": [
        {"module": f"safelrm.training.rewards.{name}", "weight": 1.0} for name in ("safety", "correctness", "format")
    ],
    "guard": "g",
    "iterations": 2,
    "kl_coefficient": 0.1,
    "group_size": 4,
    "prompts_per_step": 3,
    "learning_rate": 1e-2,
    "max_completion_tokens": 16,
}
GUARD = {"unsafe_label": "unsafe", "safe_label": "safe", "max_length": 128, "min_label_mass": 0.0}

# opens the trace in the generation prompt, keeps it in assistant turns, marks them with their end token
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}<|user|> {{ message['content'] }} <|end|> "
    "{% else %}<|assistant|> {% generation %}{{ message['content'] }} <|end|> {% endgeneration %}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|> <think> {% endif %}"
)


def conversations(size: int = 6) -> pd.DataFrame:
    rows = [
        {
            "prompt_id": f"p{number}",
            "kind": "harmful",
            "category": "any",
            "prompt": f"w{number} w1",
            "response": f"<think> w{number} w2 w3 </think> w4 w{number}",
        }
        for number in range(size)
    ]
    return pd.DataFrame(rows)


def prompts(kind: str, size: int = 5, reference: str | None = None) -> pd.DataFrame:
    rows = [
        {
            "prompt_id": f"{kind}{number}",
            "kind": kind,
            "category": "any",
            "prompt": f"w{number} w9",
            "reference": reference,
        }
        for number in range(size)
    ]
    return pd.DataFrame(rows)


def written(manifest: Path) -> dict[str, str]:
    """SHA-256 by file of a checkpoint, after verifying it."""
    verified_model(manifest)
    return json.loads(manifest.read_text())["files"]
