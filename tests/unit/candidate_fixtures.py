"""The default study with arms that learn from candidates."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROMPTS = ["rl_harmful", "rl_benign", "rl_dial"]
BEST = {"model": "nano_a", "method": "sft", "recipe": "best", "seeds": [1, 2]}
PAIRS = {"model": "nano_a", "method": "dpo", "recipe": "pairs", "seeds": [1]}


def candidate_config(*arms: dict) -> dict:
    """The configuration, with these arms beside its own."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    rewards = config["rl"]["grpo"]["rewards"]
    config["candidates"] = {
        "eight": {"prompts": PROMPTS, "rewards": rewards, "max_tokens": 64, "max_model_length": 192},
        "other": {"prompts": ["rl_dial"], "rewards": rewards[1:], "max_tokens": 64, "max_model_length": 192},
    }
    passes = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-4, "max_length": 128}
    config["sft"]["best"] = passes | {"candidates": "eight", "min_reward": 0.5}
    config["dpo"] = {"pairs": passes | {"candidates": "eight", "min_margin": 0.2}}
    config["arms"] += arms or [BEST, PAIRS, PAIRS | {"from": "sft-star1", "seeds": [3]}]
    return config
