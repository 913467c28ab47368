"""What teaches an arm beside texts of others: its own completions, which a reward has chosen, and a teacher's."""

from safelrm.core.arms import FROM
from safelrm.dag.paths import data_file, selected_file
from safelrm.dag.settings import Arm, Study
from safelrm.generation.distill_settings import CheckpointTeacher
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


def selections_of(study: Study, arm: Arm) -> list[str]:
    """The selections that an arm is trained on, keys of `selections`, without those of arms that it starts from."""
    names = study.sft[arm.recipe].datasets if arm.method == "sft" and arm.recipe in study.sft else []
    return [name for name in names if name in study.selections]


def teaching_arms(teacher: CheckpointTeacher) -> list[Arm]:
    """The arm whose checkpoint teaches, and those that it starts from, the base left out."""
    steps = teacher.arm.split(FROM)
    found: list[Arm] = []
    for place, step in enumerate(steps):
        method, _, recipe = step.partition("-")
        if recipe:
            start = FROM.join(steps[place + 1 :]) or None
            arm = {"model": teacher.model, "method": method, "recipe": recipe, "from": start, "seeds": [teacher.seed]}
            found.append(Arm.model_validate(arm))
    return found


def taught_arms(study: Study) -> list[Arm]:
    """The arms of a study, then those that teach them, which `arms` need not list.

    An arm that teaches with several seeds is there once for each of them.
    """
    found, place = [*study.arms], 0
    while place < len(found):
        for name in selections_of(study, found[place]):
            teacher = study.distillations[study.selections[name].distillation].teacher.checkpoint
            found += [arm for arm in teaching_arms(teacher) if arm not in found] if teacher else []
        place += 1
    return found


def used_selections(study: Study) -> list[str]:
    """The selections that a job of the study reads: those that arms are trained on, audited, compared or remembered."""
    others = [
        *(study.audit.train if study.audit else ()),
        *(study.curation.datasets if study.curation else ()),
        *(study.memorisation.all_datasets if study.memorisation else ()),
    ]
    trained = [name for arm in taught_arms(study) for name in selections_of(study, arm)]
    return list(dict.fromkeys([*trained, *(name for name in others if name in study.selections)]))


def used_distillations(study: Study) -> list[str]:
    """The distillations that a job of the study reads."""
    return list(dict.fromkeys(study.selections[name].distillation for name in used_selections(study)))


def sft_file(study: Study, name: str) -> str:
    """The conversations that SFT names: a data set, or a selection."""
    return selected_file(name) if name in study.selections else data_file(name)
