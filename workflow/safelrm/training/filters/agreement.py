"""A filter by final answers: they agree with the prompt's reference, or with what most samples of the prompt answer.

Answers are compared as the judge of correctness does (judging/exact.py). The majority is that of self-consistency
(Wang et al. 2023, section 2), without weights.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.judging.answers.statements import final_answer
from safelrm.judging.exact import is_correct
from safelrm.training.filter_settings import AgreementSettings as Settings
from safelrm.training.filters.filter import Said


def reasons(samples: pd.DataFrame, said: Mapping[str, Said], settings: Settings) -> list[str | None]:
    """Why the answer of each sample rejects it.

    Raises:
        SafeLRMError: a reference is asked for, and a prompt has none.
    """
    if settings.against == "reference":
        return _against_references(samples)
    found = pd.Series(None, index=samples.index, dtype=object)
    for _, of_prompt in samples.groupby("prompt_id", sort=False):
        found[of_prompt.index] = _against_majority(of_prompt["prompt"].iloc[0], [*of_prompt["answer"]], settings.share)
    return found.tolist()


def _against_references(samples: pd.DataFrame) -> list[str | None]:
    without = samples.loc[samples["reference"].isna(), "prompt_id"]
    if not without.empty:
        problem, fix = f"prompt {without.iloc[0]} has no reference", "set `kinds: [reasoning]`, or `against: majority`"
        raise SafeLRMError(problem, key="settings.against", fix=fix)
    rows = zip(samples["answer"], samples["reference"], samples["prompt"], strict=True)
    return [None if is_correct(*row) else "answer is not the reference" for row in rows]


def _against_majority(prompt: str, answers: Sequence[str], share: float) -> list[str | None]:
    """The reasons for the samples of one prompt."""
    groups: list[list[int]] = []
    for place, answer in enumerate(answers):
        for group in groups:
            if is_correct(answer, final_answer(answers[group[0]]), prompt):
                group.append(place)
                break
        else:
            groups.append([place])
    most = max(map(len, groups))
    if [len(group) for group in groups].count(most) > 1 or most <= share * len(answers):
        return ["no answer has the majority"] * len(answers)
    (chosen,) = (group for group in groups if len(group) == most)
    return [None if place in chosen else "answer is not the majority's" for place in range(len(answers))]
