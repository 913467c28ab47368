"""What must hold of the section `trajectories`, checked before any job is planned."""

from collections.abc import Iterator

from safelrm.core.errors import SafeLRMError
from safelrm.dag.judge_entries import JudgeEntry
from safelrm.dag.selections import asked_judges
from safelrm.dag.settings import Arm, Study
from safelrm.dag.taught import selections_of, taught_arms
from safelrm.dag.validity import asks_guard, deciding
from safelrm.judging.fields import judge_of

SELECTS = "selects what is trained on"


def check_trajectories(study: Study, file: str) -> None:
    """Make sure that the models have arms, and that the guard has taught none of the study's arms.

    Raises:
        SafeLRMError: a model has no arm; or the guard, under any name, rewards an arm, chooses its checkpoint, or is
            asked by a judge that selects its data.
    """
    if (asked := study.trajectories) is None:
        return
    if missing := sorted({*asked.models} - {*study.compared_models()}):
        fix = f"name some of {study.compared_models()}"
        raise SafeLRMError(f"{missing} have no arms", file=file, key="trajectories.models", fix=fix)
    reader = JudgeEntry(module="safelrm.judging.guard", guard=asked.guard)
    for arm in taught_arms(study):
        for does, guard in _teachers(study, arm):
            if asks_guard(study, reader, guard):
                raise SafeLRMError(
                    f"`{asked.guard}` is the guard that {does}, `{guard}`: it would read what it has taught"
                    f" (arm `{arm.name}`)",
                    file=file,
                    key="trajectories.guard",
                    fix="name another guard, such as the one of `metrics.safety_judge`",
                )


def _teachers(study: Study, arm: Arm) -> Iterator[tuple[str, str]]:
    """The guards and models by which an arm's weights came to be, and what they do."""
    for does, terms in deciding(study, arm):
        yield from ((does, guard) for term in terms for guard in term.guards)
    for selection in selections_of(study, arm):
        judges = (study.judges[judge_of(reference)] for reference in asked_judges(study.selections[selection]))
        yield from ((SELECTS, name) for judge in judges if (name := judge.guard or judge.model))
