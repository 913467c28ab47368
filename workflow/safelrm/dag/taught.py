"""What an arm learns from: its own completions, which a reward has chosen."""

from safelrm.dag.settings import Arm, Study


def candidates_of(study: Study, arm: Arm) -> str | None:
    """The candidates that an arm is trained on, a key of `candidates`; None if it is trained on none."""
    # recipes of RL have no such key
    return getattr(study.recipe(arm), "candidates", None)
