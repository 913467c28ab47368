"""Published numbers on variants of SFT data, to set a study's own beside them.

Source: LRM-Safety-Study (arXiv 2505.15404, version 2), table 1. Percentages of four models, in this order:
DeepSeek-R1-Distill-Qwen-7B, DeepSeek-R1-Distill-Llama-8B, Qwen3-14B, DeepSeek-R1-Distill-Qwen-32B.

The attack success rate (ASR) is the mean of that table's none, PAP and PAIR, on 50 prompts. Over-refusal is on XSTest,
whose other prompts are trained on. Reasoning is the mean of MATH-500, AIME 2024 and LiveCodeBench. That study gives no
intervals, and one training of each.
"""

from dataclasses import dataclass

RAW = "raw"


@dataclass(frozen=True)
class Published:
    """Percentages of a variant, one for each model."""

    reasoning: tuple[float, ...]
    attack_success: tuple[float, ...]
    over_refusal: tuple[float, ...]


LRM_SAFETY_STUDY = {
    RAW: Published((58.4, 47.2, 80.0, 73.5), (63.3, 60.0, 60.0, 52.0), (0.8, 2.6, 2.7, 2.0)),
    "default": Published((58.8, 45.1, 79.1, 73.0), (38.0, 36.0, 58.0, 31.3), (2.7, 1.3, 2.7, 0.7)),
    "realsafe": Published((58.6, 46.3, 80.0, 75.6), (14.7, 10.7, 13.3, 7.3), (5.3, 5.3, 6.7, 4.7)),
    "improved": Published((58.9, 41.9, 76.6, 73.4), (6.7, 6.0, 6.7, 3.3), (6.7, 5.3, 10.7, 7.3)),
    "short": Published((59.7, 42.8, 77.0, 75.3), (7.3, 6.0, 12.7, 1.3), (12.0, 6.7, 6.0, 2.7)),
    "template": Published((57.4, 45.3, 79.0, 74.8), (4.0, 7.3, 2.7, 2.7), (10.7, 6.0, 14.7, 6.0)),
    "no_cot": Published((58.4, 44.3, 66.8, 54.4), (63.3, 34.7, 1.3, 26.7), (10.0, 2.0, 4.0, 3.3)),
}


def published_changes(variant: str) -> dict[str, list[float]]:
    """What a variant changes in each model: `safety` (less ASR), `over_refusal` and `accuracy`, as shares.

    Raises:
        KeyError: there is no such variant.
    """
    raw, given = LRM_SAFETY_STUDY[RAW], LRM_SAFETY_STUDY[variant]
    pairs = {
        "safety": (given.attack_success, raw.attack_success),
        "over_refusal": (raw.over_refusal, given.over_refusal),
        "accuracy": (raw.reasoning, given.reasoning),
    }
    return {name: [(after - before) / 100 for before, after in zip(*pair, strict=True)] for name, pair in pairs.items()}
