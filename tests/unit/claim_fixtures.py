"""A claim that tests lay over the default study."""

CLAIM = {
    "says": "RL raises safety.",
    "source": "a paper, section 1",
    "metric": "safety",
    "benchmarks": ["requests_harmful"],
    "models": ["nano_a"],
    "side": {"arm": "rl-grpo"},
    "against": {"arm": "base"},
    "direction": "greater",
    "smallest_effect": 0.1,
}
