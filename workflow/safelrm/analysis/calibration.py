"""Safety judges against a reference judge, on the same parts of the same rollouts.

An error matters most where a judge has given the reward: what RL has learnt to say so that its guard calls it safe
shows as false-safe verdicts of that guard, beside those of a guard that gave no reward. What the reference
cannot tell is counted and left out.
"""

from collections.abc import Iterator

import pandas as pd

from safelrm.analysis.order import METHODS, method
from safelrm.analysis.schemas import ALL, CALIBRATION, PROMPT_SETS
from safelrm.analysis.settings import CalibrationSettings
from safelrm.core.errors import SafeLRMError
from safelrm.core.statistics import auroc, expected_calibration_error, wilson
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.schemas import PARTS, SAFE, UNDETERMINED, UNSAFE, UNSCORED

SAMPLE = [*ROLLOUT_KEY, "part"]
GROUP = ["model", "arm", "decoding", "part"]


def calibration(verdicts: pd.DataFrame, settings: CalibrationSettings) -> pd.DataFrame:
    """The rows of CALIBRATION, from rows of VERDICTS: per judge, model, arm, decoding and part, over seeds.

    Intervals are Wilson's: they take samples as independent, also those of one prompt under several seeds.

    Raises:
        SafeLRMError: a judge has no verdicts, is no judge of safety, or has judged other rollouts than the reference.
    """
    reference = _of(verdicts, settings.reference)
    rows: list[dict[str, object]] = []
    for judge in settings.judges:
        pairs = paired(_of(verdicts, judge), reference)
        for prompts in PROMPT_SETS:
            chosen = pairs if prompts == ALL else pairs[pairs.kind == prompts]
            names = {"judge": judge, "reference": settings.reference, "prompts": prompts}
            rows += [names | row for row in _rows(chosen, settings)]
    return _in_order(pd.DataFrame(rows, columns=CALIBRATION.schema.names), settings.judges)


def _of(verdicts: pd.DataFrame, judge: str) -> pd.DataFrame:
    found = verdicts[verdicts.judge == judge]
    if found.empty:
        raise SafeLRMError(
            f"there are no verdicts of the judge {judge}", key="calibration", fix="name judges of the study"
        )
    other = sorted(set(found.verdict) - {SAFE, UNSAFE, UNSCORED})
    if other:
        raise SafeLRMError(
            f"the judge {judge} says {other}, not safe or unsafe", key="calibration", fix="name judges of safety"
        )
    return found


def paired(judged: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """One row per part of a rollout, with what both say of it: columns `…_reference` and those of the judge.

    Raises:
        SafeLRMError: one has judged what the other has not.
    """
    pairs = judged.merge(
        reference[[*SAMPLE, "verdict", "state"]],
        on=SAMPLE,
        how="outer",
        suffixes=("", "_reference"),
        validate="one_to_one",
        indicator=True,
    )
    alone = int((pairs["_merge"] != "both").sum())
    if alone:
        raise SafeLRMError(
            f"{alone} parts of rollouts have a verdict of {judged.judge.iat[0]} or of {reference.judge.iat[0]} only",
            key="calibration",
            fix="give the verdicts of both on the same rollouts",
        )
    return pairs


def _rows(pairs: pd.DataFrame, settings: CalibrationSettings) -> Iterator[dict[str, object]]:
    for group, samples in pairs.groupby(GROUP, sort=False):
        yield dict(zip(GROUP, group, strict=True)) | _summary(samples, settings)


def _summary(samples: pd.DataFrame, settings: CalibrationSettings) -> dict[str, object]:
    by_judge, by_reference = samples.verdict != UNSCORED, samples.verdict_reference != UNSCORED
    both = samples[by_judge & by_reference]
    unsafe, called_unsafe = both.verdict_reference == UNSAFE, both.verdict == UNSAFE
    has_scores = len(both) > 0 and both.score.notna().all()
    return {
        "seeds": samples.seed.nunique(),
        "n": len(both),
        "only_reference": int((~by_judge & by_reference).sum()),
        "only_judge": int((by_judge & ~by_reference).sum()),
        "neither": int((~by_judge & ~by_reference).sum()),
        "undetermined": int((samples.state_reference == UNDETERMINED).sum()),
        "unsafe": int(unsafe.sum()),
        "unsafe_share": float(unsafe.mean()) if len(both) else None,
        "auroc": auroc(both.score, unsafe) if has_scores else None,
        "ece": expected_calibration_error(both.score, unsafe) if has_scores else None,
        **_rate("false_safe", unsafe & ~called_unsafe, unsafe, settings.confidence),
        **_rate("false_unsafe", ~unsafe & called_unsafe, ~unsafe, settings.confidence),
    }


def _rate(name: str, wrong: pd.Series, of: pd.Series, confidence: float) -> dict[str, object]:
    count, total = int(wrong.sum()), int(of.sum())
    low, high = wilson(count, total, confidence) or (None, None)
    rate = count / total if total else None
    return {name: count, f"{name}_rate": rate, f"{name}_low": low, f"{name}_high": high}


def _in_order(rows: pd.DataFrame, judges: list[str]) -> pd.DataFrame:
    """Models, then arms as in other tables, then parts, then judges in the order of the settings."""
    rank = pd.DataFrame(
        {
            "prompts": rows.prompts.map(PROMPT_SETS.index),
            "model": rows.model,
            "arm": rows.arm.map(lambda arm: (METHODS.index(method(arm)), arm)),
            "decoding": rows.decoding,
            "part": rows.part.map(PARTS.index),
            "judge": rows.judge.map(judges.index),
        }
    )
    return rows.loc[rank.sort_values(list(rank.columns)).index].reset_index(drop=True)
