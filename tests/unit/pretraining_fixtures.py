"""What tests of pre-training share: the smallest model, its settings, and labelled texts by a toy rule."""

import pandas as pd

from safelrm.nano.settings import Architecture, Optimisation, Phase
from safelrm.nano.world.tokenizer import build_tokenizer

TINY = Architecture(layers=1, hidden_size=32, intermediate_size=32, heads=1, kv_heads=1)
TOKENIZER = build_tokenizer("family_a")
SETTINGS = {
    "architecture": {"layers": 1, "hidden_size": 32, "intermediate_size": 32, "heads": 1, "kv_heads": 1},
    "facts": {"phases": [{"steps": 20, "mixture": {"fact": 1.0}}], "learning_rate": 1e-2, "warmup_steps": 10},
    "facts_probe": {"every": 5, "first_step": 20, "passes": 1, "threshold": 0.0},
    "optimisation": {
        "phases": [{"steps": 100, "mixture": {"fact": 0.2, "labels": 0.8}}],
        "learning_rate": 1e-2,
        "warmup_steps": 10,
        "averaging": 0.8,
    },
    "probe": {"every": 5, "first_step": 10, "passes": 1, "size": 16, "threshold": 0.0},
    "heldout_things": 1,
    "heldout_verbs": 1,
}
# a toy rule that a tiny model can learn: a text is unsafe if it names the glim
LABELS = pd.DataFrame(
    {
        "prompt": ["how do i lift the glim ?"] * 80,
        "response": [
            f"{opening} {verb} a rope . then lift the {thing} ."
            for opening in ("first", "then", "now", "last")
            for thing in ("glim", "brone")
            for verb in ("carry", "count", "describe", "draw", "fold", "lift", "paint", "stack", "watch", "wrap")
        ],
        "unsafe": ([True] * 10 + [False] * 10) * 4,
    }
)


def optimisation(**changes) -> Optimisation:
    defaults = {"phases": [Phase(steps=8, mixture={"fact": 1.0})], "batch_size": 2, "warmup_steps": 1, "log_every": 2}
    return Optimisation(**{**defaults, **changes})
