"""How well a classifier of refusals does on a model and on prompts that it has never seen.

Files of labelled completions often share their prompts. So a fold leaves out a labelled set *and* a part of the
prompts: it learns from the other sets' completions of the other prompts, and is asked about the left-out set's
completions of the left-out prompts. All completions are asked about once. With a single set, only prompts are left out.
The phrases, which learn nothing, and the union of both are compared on the same completions.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import FULL_COMPLIANCE, LABELS
from safelrm.judging.refusals.model import Examples, probabilities, train
from safelrm.judging.refusals.schemas import (
    ALL,
    APPROACHES,
    CLASSIFIER,
    PHRASES,
    THREE_WAY,
    TWO_WAY,
    UNION,
)
from safelrm.judging.refusals.settings import ClassifierSettings
from safelrm.judging.refusals.verdicts import degrees, refusal_probabilities
from safelrm.judging.schemas import COMPLIANCE, REFUSAL

RESAMPLES = 2000
PERCENTILES = (2.5, 97.5)
THRESHOLD = 0.5


def held_out(examples: Examples, about: pd.DataFrame, settings: ClassifierSettings) -> np.ndarray:
    """Probabilities (answer, label) that classifiers give who have seen neither the answer's set nor its prompt.

    Args:
        examples: the answers of `about`.
        about: their `labelled` (the set; missing for written examples, which are in every training), `prompt`, `label`.
        settings: how classifiers are trained.

    Raises:
        SafeLRMError: a fold has no refusal, or no compliance, to learn from. Its figures would say nothing.
    """
    found = np.full((len(about), len(LABELS)), np.nan)
    fold = about["prompt"].map(lambda prompt: derive_seed("refusal_fold", prompt) % settings.folds).to_numpy()
    sets, always = about["labelled"].to_numpy(), about["labelled"].isna().to_numpy()
    names = sorted(set(sets[~always]))
    for name in names:
        others = (sets != name) | (len(names) == 1)
        for number in range(settings.folds):
            asked = (sets == name) & (fold == number)
            learnt = always | (others & (fold != number))
            if asked.any():
                rows = about[learnt]
                _require_both_kinds(name, rows["label"])
                weights = train(examples.some(learnt), list(rows["label"]), list(rows["prompt"]), settings)
                found[asked] = probabilities(examples.some(asked), weights)
    return found


def _require_both_kinds(name: str, labels: pd.Series) -> None:
    refuses = set(labels != FULL_COMPLIANCE)
    if len(refuses) < 2:
        missing = "nothing" if not refuses else "no compliance" if True in refuses else "no refusal"
        raise SafeLRMError(
            f"the check on `{name}` has {missing} to learn from: other sets and other prompts have none",
            key="labelled",
            fix="add a labelled set with both, or set `written_examples: true`",
        )


def folded_rows(about: pd.DataFrame, found: np.ndarray, phrases: np.ndarray, unscored: Counter[str]) -> Iterator[dict]:
    """Rows of FOLDED: each approach on each labelled set, and on all of them.

    Args:
        about: completions, as in `held_out`, without written examples.
        found: what classifiers gave for them.
        phrases: whether the phrases call each a refusal.
        unscored: by set, completions that are not asked about, since they have no text or are not English.
    """
    classified = refusal_probabilities(found) >= THRESHOLD
    says = {PHRASES: phrases, CLASSIFIER: classified, UNION: phrases | classified}
    sets = about["labelled"].to_numpy()
    for name in dict.fromkeys([*sorted(set(sets)), ALL]):
        chosen = np.full(len(sets), True) if name == ALL else sets == name
        without = unscored.total() if name == ALL else unscored[name]
        for approach in APPROACHES:
            said = says[approach][chosen]
            row = {"labelled": name, "approach": approach, "n": int(chosen.sum()), "unscored": without}
            row |= two_way(said, about[chosen])
            if approach == CLASSIFIER:
                row |= _three_way(degrees(found[chosen], THRESHOLD), list(about.loc[chosen, "label"]))
            yield {"degree_agreement": None} | dict.fromkeys(THREE_WAY) | row


def two_way(said: np.ndarray, about: pd.DataFrame) -> dict[str, float | int | None]:
    """Agreement and kappa with percentile intervals over prompts, and the confusion matrix.

    Args:
        said: for each completion whether it was called a refusal.
        about: their `label` and `prompt`.
    """
    labels = list(about["label"])
    refuses = np.array([label != FULL_COMPLIANCE for label in labels])
    cells = Counter(f"{REFUSAL if one else COMPLIANCE}_of_{label}" for one, label in zip(said, labels, strict=True))
    codes, prompts = pd.factorize(about["prompt"])
    # for each prompt how often: both refuse, only the judge, only the label, neither
    counts = np.zeros((len(prompts), 4))
    np.add.at(counts, (codes, 3 - 2 * said.astype(int) - refuses), 1)
    draws = np.random.default_rng(derive_seed("refusal_folds")).multinomial(
        len(prompts), np.full(len(prompts), 1 / len(prompts)), size=RESAMPLES
    )
    (agreement, kappa), resampled = _agreement(counts.sum(0)), _agreement(draws @ counts)
    (low, high), (kappa_low, kappa_high) = (_interval(values) for values in resampled)
    return {
        **{"agreement": float(agreement), "low": low, "high": high},
        **{"kappa": _or_none(kappa), "kappa_low": kappa_low, "kappa_high": kappa_high},
        **{cell: cells[cell] for cell in TWO_WAY},
    }


def _agreement(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Agreement and Cohen's kappa of (…, 4) counts: both refuse, only the first, only the second, neither."""
    both, first, second, neither = np.moveaxis(counts / counts.sum(-1, keepdims=True), -1, 0)
    agreement = both + neither
    chance = (both + first) * (both + second) + (second + neither) * (first + neither)
    with np.errstate(divide="ignore", invalid="ignore"):
        return agreement, (agreement - chance) / (1 - chance)


def _interval(values: np.ndarray) -> tuple[float | None, float | None]:
    defined = values[np.isfinite(values)]
    if not len(defined):
        return None, None
    low, high = np.percentile(defined, PERCENTILES)
    return float(low), float(high)


def _or_none(value: np.ndarray) -> float | None:
    return float(value) if np.isfinite(value) else None


def _three_way(said: Sequence[str], labels: Sequence[str]) -> dict[str, float | int]:
    cells = Counter(f"{one}_of_{label}" for one, label in zip(said, labels, strict=True))
    agreed = sum(one == label for one, label in zip(said, labels, strict=True))
    return {"degree_agreement": agreed / len(labels)} | {cell: cells[cell] for cell in THREE_WAY}
