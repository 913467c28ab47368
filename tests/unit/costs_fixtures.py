"""What the tests of costs and of resources share: the default study, its costs, and the same on GPUs."""

import copy
from functools import cache
from pathlib import Path

import yaml

from safelrm.dag.costs.resources import Costs
from safelrm.dag.study import load_study
from safelrm.models.settings import Shape

ROOT = Path(__file__).parents[2]
H100 = {"name": "h100", "memory_gib": 80, "tflops": 989, "bandwidth": 3350}
# mean seconds of a job of the default study, on two cores
MEASURED = {"base": 76.4, "guard": 101.3, "rl": 33.3, "sft": 12.2, "rollouts": 8.9}
MEASURED_JUDGE = 6.6
MEASURED_SMALL = {
    "metrics": 5.7,
    "compare": 4.2,
    "calibrate": 2.3,
    "figure": 1.6,
    "audit": 1.1,
    "curate": 1.0,
    "samples": 0.7,
    "table": 0.7,
}
SEVEN = Shape(parameters=7.6e9, layers=28, hidden_size=3584, kv_heads=4, head_dim=128, vocabulary=152064)


@cache
def _default() -> dict:
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def default_config() -> dict:
    """The default study's configuration, to change."""
    return copy.deepcopy(_default())


def costs(config: dict) -> Costs:
    return Costs(load_study(config, "config.yaml"))


def job(config: dict, rule: str, **changes: str):
    of = {
        "fetch_model": {},
        "base": {"model": "nano_a"},
        "guard": {"guard": "guard_a"},
        "sft": {"model": "nano_a", "recipe": "star1", "seed": "1"},
        "rl": {"model": "nano_a", "recipe": "grpo", "seed": "1"},
        "rollouts": {"model": "nano_a", "arm": "base", "seed": "1"},
        "judge": {"judge": "guard_b", "model": "nano_a"},
    }
    return costs(config).job(rule, of[rule] | changes)


def large(config: dict, size: Shape = SEVEN, **execution: object) -> dict:
    """The study with all models but guards of this size, on GPUs, with sensible recipes."""
    for name, entry in config["models"].items():
        hub = {"repo": f"owner/{name}", "revision": "0" * 40, "shape": size.model_dump()}
        config["models"][name] = {"hub": hub, **{key: entry[key] for key in ("decodings",) if key in entry}}
    config["execution"] = {"gpu": H100, **execution}
    precise = {"precision": "bfloat16", "gradient_checkpointing": True}
    for recipe in config["sft"].values():
        recipe.update(precise | {"batch_size": 1, "gradient_accumulation": 16, "max_length": 4096})
    # without a second model for the KL term
    alone = {"kl_coefficient": 0.0, "micro_batches": 48, "vllm": {"max_model_length": 2048}}
    config["rl"]["grpo"] |= precise | alone
    config["rollouts"]["dtype"] = "bfloat16"
    return config
