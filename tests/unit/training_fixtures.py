"""What the tests of training share: settings, a template that can be trained on, data, and the files of a run."""

import json
from pathlib import Path

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.data.schemas import CONVERSATIONS, PROMPTS
from safelrm.training.command import hide_vllm_from_trl, prepare_process
from safelrm.training.schemas import CANDIDATES

# the training libraries read the environment when they are imported, so tests import this module first
prepare_process()
hide_vllm_from_trl()

# two steps on each batch of rollouts
RL = {
    "prompts": [{"dataset": "harm", "weight": 2}, {"dataset": "sums", "weight": 1}],
    "rewards": [
        {"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["g"]},
        {"module": "safelrm.training.rewards.correctness", "weight": 1.0},
        {"module": "safelrm.training.rewards.format", "weight": 1.0},
    ],
    "iterations": 2,
    "kl_coefficient": 0.1,
    "group_size": 4,
    "prompts_per_step": 3,
    "learning_rate": 1e-2,
    "max_completion_tokens": 16,
}
# its vocabulary holds marks as whole words, which cannot be spelled otherwise
GUARD = {
    "unsafe_label": "unsafe",
    "safe_label": "safe",
    "max_length": 128,
    "min_label_mass": 0.0,
    "control_tokens": "kept",
}

# it opens the trace in the generation prompt, keeps the trace in assistant turns, and marks these turns for training
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


def candidates(size: int = 12, samples: int = 4) -> pd.DataFrame:
    """Candidates of the tiny model: of a prompt, sample 1 has the highest reward, and sample 0 the lowest."""
    words = {"w2": 9, "w3": 10, "w4": 11, "w5": 12}
    rows = [
        {
            "model": "m",
            "candidates": "c",
            "start": "",
            "seed": 0,
            "dataset": "harm",
            "prompt_id": f"p{number:02}",
            "kind": "harmful",
            "category": "any",
            "prompt": f"w{number} w9",
            "reference": None,
            "sample": sample,
            "response": f"<think> {word} </think> {word}",
            "token_ids": [token, 6, token],
            "parse_state": "ok",
            "finish_reason": "stop",
            "prompt_tokens": 6,
            "completion_tokens": 3,
            "reward": float(sample == 1) - float(sample == 0),
            "terms": "{}",
        }
        for number in range(size)
        for sample, (word, token) in enumerate([*words.items()][:samples])
    ]
    return pd.DataFrame(rows)


def run_paths(folder: Path, name: str) -> dict[str, Path]:
    """Where a run of a name keeps its state, and what it writes."""
    manifest = folder / name / "manifest.json"
    return {"work": folder / f"{name}.work", "manifest": manifest, "curve": folder / f"{name}.parquet"}


def written(manifest: Path) -> dict[str, str]:
    """SHA-256 by file of a checkpoint, after verifying it."""
    verified_model(manifest)
    return json.loads(manifest.read_text())["files"]


def write_inputs(folder: Path) -> None:
    """Write what the stages sft, dpo and rl need: a tiny model, conversations, candidates and two sets of prompts."""
    from tiny_model import write_tiny_model  # noqa: PLC0415  (the environment is set by now)

    write_tiny_model(folder, chat_template=TEMPLATE, scale=0.2)
    CONVERSATIONS.write(folder / "data.parquet", conversations(20))
    CANDIDATES.write(folder / "m/c/seed0.parquet", candidates())
    PROMPTS.write(folder / "harm.parquet", prompts("harmful"))
    PROMPTS.write(folder / "sums.parquet", prompts("reasoning", reference="7"))


def stage_arguments(stage: str, inputs: Path, settings: dict) -> list[str]:
    """The command line of the stage sft, dpo or rl on what `write_inputs` has written."""
    arguments = ["--checkpoint", inputs / "manifest.json", "--seed", 0, "--code", "abc"]
    arguments += ["--manifest", "out/manifest.json", "--curve", "out/curve.parquet"]
    arguments += [
        "--model",
        "m",
        "--arm",
        stage,
        "--decoding",
        "default",
        "--probes",
        f"probes/m/{stage}/seed0.parquet",
    ]
    if stage == "sft":
        arguments += ["--data", f"star1={inputs / 'data.parquet'}"]
    elif stage == "dpo":
        arguments += ["--candidates", inputs / "m/c/seed0.parquet"]
    else:
        arguments += ["--guards", f"g={inputs / 'manifest.json'}", "--readings", json.dumps({"g": GUARD})]
        arguments += ["--prompts", *(f"{name}={inputs / name}.parquet" for name in ("harm", "sums"))]
    return [str(part) for part in (*arguments, "--settings", json.dumps(settings))]
