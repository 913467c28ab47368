"""Which arms are trained on data that rules have written: what such data do to a model is partly built in.

A source of such data declares BUILT_IN = True, and so does a module that writes them as a teacher. The caption of every
figure and table names the arms that are trained on them, and those whose teacher was. Recipes of such data have names
that begin with `built_in_`, so that every number says so, too.
"""

from collections.abc import Iterator

from safelrm.core.arms import plain_arm
from safelrm.dag.declarations import declares_built_in
from safelrm.dag.settings import Arm, Study
from safelrm.dag.taught import selections_of, teaching_arms

# These say nothing by themselves: an edit of a source makes its data anew, and trains the published arms again.
UNDECLARED = frozenset(f"safelrm.nano.sources.{name}" for name in ("demonstrations", "distillation", "star1"))


def built_in_arms(study: Study) -> list[str]:
    """The arms whose SFT data rules have written, and those that learn or go on from such an arm; each name once."""
    found: list[str] = []
    # the name of an arm holds the name of the arm that it starts from, and so is the longer one
    for arm in sorted(study.arms, key=lambda arm: len(arm.name)):
        if arm.start in map(plain_arm, found) or any(map(_is_written, _sources(study, arm))):
            found.append(arm.name)
    return list(dict.fromkeys(arm.name for arm in study.arms if arm.name in found))


def built_in_note(study: Study) -> str:
    """A sentence for captions, in reStructuredText; empty if there are no such arms."""
    arms = built_in_arms(study)
    if not arms:
        return ""
    named = ", ".join(f"``{name}``" for name in arms)
    return (
        f"Built in: rules have written what these arms are trained on, so their numbers show the rules, too: {named}."
    )


def _sources(study: Study, arm: Arm) -> Iterator[str]:
    """The modules that make the SFT data of an arm, or that wrote as its teachers, or what these have learned from."""
    if arm.method == "sft":
        yield from (study.loaded(name).source for name in study.sft[arm.recipe].datasets if name in study.datasets)
    for name in selections_of(study, arm):
        teacher = study.distillations[study.selections[name].distillation].teacher
        if teacher.module:
            yield teacher.module
        for other in teaching_arms(teacher.checkpoint) if teacher.checkpoint else ():
            yield from _sources(study, other)


def _is_written(source: str) -> bool:
    """Whether rules have written what a source offers."""
    return source in UNDECLARED or declares_built_in(source)
