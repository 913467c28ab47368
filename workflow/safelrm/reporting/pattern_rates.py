"""Rates of risky patterns in distillations, before and after their selections: what the table and the figure show."""

from collections.abc import Iterator

import pandas as pd

from safelrm.analysis.intervals import Observations, mean_of
from safelrm.analysis.schemas import ALL, LEAST
from safelrm.core.statistics import wilson
from safelrm.judging.fields import UNSCORED
from safelrm.judging.pattern_flags import FLAGS, PRESENT
from safelrm.reporting.results import Results

SAMPLE = ["prompt_id", "sample"]
# what `outcome` says of a sample that a selection keeps
KEPT = "kept"


def pattern_rates(results: Results) -> pd.DataFrame:
    """One row per judge, distillation, set of samples and flag.

    Returns:
        `judge`, `distillation`, `samples` (ALL, or the selection that has kept them), `flag`, `part`, `n` scored
        samples, `unscored` ones, and the `value`: the share of the scored ones that have the pattern. `low` and `high`
        are the ends of its interval over prompts, `lowest` and `highest` the rates if no unscored sample had the
        pattern, or all had. With fewer than LEAST scored samples there is no value.
    """
    verdicts, outcomes = results["pattern_verdicts"], results["selections"]
    flags = verdicts[verdicts.field.isin(FLAGS)]
    rows = []
    for (judge, distillation), of_judge in flags.groupby(["judge", "model"], sort=True):
        for name, samples in _sets(of_judge, outcomes[outcomes.distillation == distillation]):
            for flag in FLAGS:
                of_flag = samples[samples.field == flag]
                names = {"judge": judge, "distillation": distillation, "samples": name, "flag": flag}
                rows.append(names | _rate(of_flag, results.study.confidence))
    return pd.DataFrame(rows)


def _sets(verdicts: pd.DataFrame, outcomes: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The verdicts on all samples, then those on the samples that each selection keeps."""
    yield ALL, verdicts
    for name, of_selection in outcomes.groupby("selection", sort=True):
        kept = of_selection.loc[of_selection.outcome == KEPT, SAMPLE]
        yield str(name), verdicts.merge(kept, on=SAMPLE)


def _rate(verdicts: pd.DataFrame, confidence: float) -> dict[str, object]:
    scored = verdicts[verdicts.verdict != UNSCORED]
    present = (scored.verdict == PRESENT).astype(float)
    total, n = len(verdicts), len(scored)
    row = {"part": verdicts.part.iat[0] if total else None, "n": n, "unscored": total - n}
    row |= dict.fromkeys(("value", "low", "high", "lowest", "highest"))
    if n < LEAST:
        return row
    mean = mean_of(Observations(present.tolist(), scored.prompt_id.tolist(), [0] * n))
    if not mean.varies or not scored.prompt_id.duplicated().any():
        interval = wilson(round(mean.value * mean.prompts), mean.prompts, confidence)
    else:
        interval = mean.interval(confidence, (0.0, 1.0))
    ends = {"lowest": present.sum() / total, "highest": (present.sum() + total - n) / total}
    return row | ends | {"value": mean.value, "low": interval.low, "high": interval.high}
