"""The losses of RL, and settings that a loss would ignore.

| loss | policy term of a token, for ratio r and advantage A | mean over tokens |
|-|-|-|
| `grpo` | min(r A, clip(r, 1 - clip, 1 + clip_high) A) (Shao et al. 2024) | of each completion, then of completions |
| `bnpo` | as `grpo` | of a micro-batch |
| `dapo` | as `grpo` (Yu et al. 2025) | of the whole step |
| `dr_grpo` | as `grpo` (Liu et al. 2025) | sum, divided by completions x `max_completion_tokens` |
| `cispo` | min(r, clip_high), held constant, x A x log-probability (MiniMax-M1, 2025) | of the whole step |
| `sapo` | a sigmoid of r - 1 with a temperature, x A (Gao et al. 2025) | as `grpo` |

TRL ignores a setting that a loss has no place for. A recipe that gives one says something that does not happen, so it
is refused.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

Loss = Literal["grpo", "dapo", "dr_grpo", "bnpo", "cispo", "sapo"]
# epsilon of the losses that clip, where the recipe gives none
CLIP = 0.2
CLIPPED = ("grpo", "dapo", "dr_grpo", "bnpo")
# beginnings of TRL's own options that only some losses use -> these losses
_OPTIONS = {"sapo_": ("sapo",), "delta": CLIPPED, "vespo_": ()}


class LossSettings(Protocol):
    """The keys of a recipe that decide about its loss."""

    loss: Loss
    scale_rewards: str
    aggregation: str
    kl_coefficient: float
    use_bias_correction_kl: bool
    iterations: int
    vllm: object
    trainer: Mapping[str, object]
    clip: float | None
    clip_high: float | None


def check_loss(recipe: LossSettings) -> None:
    """Make sure that the loss of a recipe uses what the recipe gives.

    Raises:
        ValueError: it does not. The message begins with the key.
    """
    if recipe.loss == "cispo" and recipe.clip_high is None:
        raise ValueError("clip_high: the loss cispo needs the greatest importance ratio; ScaleRL has 5.0")
    if recipe.loss == "cispo" and recipe.clip is not None:
        raise ValueError("clip: the loss cispo has no lower limit of the ratio: leave it out, `clip_high` is its limit")
    if recipe.loss == "sapo" and (recipe.clip is not None or recipe.clip_high is not None):
        raise ValueError(
            "clip: the loss sapo does not clip: leave `clip` and `clip_high` out; its temperatures are"
            " `trainer: {sapo_temperature_pos: 1.0, sapo_temperature_neg: 1.05}`"
        )
    if recipe.aggregation == "normalize_then_sum" and recipe.scale_rewards != "group":
        raise ValueError(
            "scale_rewards: with `aggregation: normalize_then_sum` each term is divided by its standard deviation in"
            f" the group, and never by that of `{recipe.scale_rewards}`: leave it out, or sum the terms first"
        )
    if recipe.use_bias_correction_kl and recipe.kl_coefficient == 0:
        raise ValueError("use_bias_correction_kl: there is no KL term: give `kl_coefficient`, or leave this out")
    _check_options(recipe)


def _check_options(recipe: LossSettings) -> None:
    """The same for the options of TRL that the recipe passes on."""
    for name in recipe.trainer:
        for beginning, losses in _OPTIONS.items():
            if name.startswith(beginning) and recipe.loss not in losses:
                raise ValueError(f"trainer: the loss {recipe.loss} ignores `{name}`: leave it out")
    if recipe.trainer.get("importance_sampling_level") == "sequence" and recipe.loss not in ("grpo", "sapo"):
        raise ValueError(
            f"trainer: with `importance_sampling_level: sequence` (GSPO) the loss {recipe.loss} weighs a completion by"
            " its length: take `loss: grpo`"
        )
    if "off_policy_mask_threshold" in recipe.trainer and recipe.iterations == 1 and recipe.vllm is None:
        raise ValueError(
            "trainer: `off_policy_mask_threshold` masks nothing where each batch of rollouts is used once and"
            " transformers generates: leave it out, or set `iterations` or `vllm`"
        )
