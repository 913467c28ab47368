"""What teaches an arm beside texts of others: its own completions, which a reward has chosen."""

from safelrm.dag.settings import Arm, Study
from safelrm.training.candidate_settings import CandidateSettings
from safelrm.training.settings import RlSettings


def candidates_of(study: Study, arm: Arm) -> str | None:
    """The candidates that an arm is trained on, a key of `candidates`; None if it is trained on none."""
    recipes = {"sft": study.sft, "dpo": study.dpo}.get(arm.method, {})
    return recipes[arm.recipe].candidates if arm.recipe in recipes else None


def reward_of(study: Study, arm: Arm) -> RlSettings | CandidateSettings | None:
    """What rewards an arm: RL does, and candidates by which the completions are chosen that it is trained on."""
    if arm.method == "rl":
        return study.rl[arm.recipe]
    name = candidates_of(study, arm)
    return study.candidates[name] if name else None
