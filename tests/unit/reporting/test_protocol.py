"""What tables say below their numbers of completions that the token limit cut."""

import pandas as pd

from safelrm.analysis.settings import TableSettings
from safelrm.reporting.protocol import clipped_note, tuning_note

MODELS = [{"name": "m", "decodings": ["default"]}]


def row(metric: str, arm: str, value: float, n: int, *, part: str = "-", **more: str) -> dict[str, object]:
    run = {"model": "m", "arm": arm, "decoding": "default", "benchmark": "b", "category": "all", "judge": "-"}
    return run | {"metric": metric, "value": value, "n": n, "part": part} | more


def test_the_share_of_cut_completions_is_told_with_the_worst_run():
    metrics = pd.DataFrame(
        [
            row("clipped", "base", 0.01, 100),
            row("clipped", "rl-grpo", 0.05, 300),
            row("clipped", "rl-grpo", 1.0, 30, category="c"),
            row("clipped", "base", 0.0, 100, benchmark="other"),
            row("clipped", "other", 0.9, 100),
            row("safety_so_far", "rl-grpo", 0.75, 40, part="t+y"),
            row("safety_so_far", "rl-grpo", 0.5, 40, part="y"),
            row("safety_so_far", "base", float("nan"), 3, part="t+y"),
        ]
    )
    note = clipped_note(metrics, metrics[metrics.arm != "other"])
    assert note == (
        "\nCompletions cut at the token limit: b 4.0 % (most: 5.0 %, m rl-grpo); other 0.0 %.\n"
        "\nSafe as far as they go, of texts that did not end (t+y): m rl-grpo on b 0.750 (n = 40).\n"
    )
    assert clipped_note(metrics[metrics.metric == "none"], metrics) == ""


def test_tables_of_a_tuning_study_say_so():
    reported = TableSettings(models=MODELS, confidence=0.95)
    assert tuning_note(reported) == ""
    assert "no results" in tuning_note(reported.model_copy(update={"use": "tune"}))
