"""Calibration of safety judges: how far each judge agrees with a reference judge on what the study's models said.

Input:  verdicts tables. Those of judges that the settings do not name are ignored.
Output: the table CALIBRATION (analysis/schemas.py), as Parquet and CSV, and as Markdown for readers.

Errors matter most for a judge that has rewarded RL: RL may have learnt to say what its guard wrongly calls safe. Such
texts are false-safe verdicts of that guard. A guard that gave no reward stands beside it. Samples that the reference
cannot decide are counted and left out.
"""

from collections.abc import Iterator, Sequence

import pandas as pd

from safelrm.analysis.files import read_verdicts, results_parser, write_csv_and_markdown
from safelrm.analysis.layout import NONE, arm_rank, markdown_table, ranked
from safelrm.analysis.schemas import ALL, CALIBRATION, LEAST, PROMPT_SETS, RUN
from safelrm.analysis.settings import CalibrationSettings
from safelrm.core.cli import parse_settings, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.statistics import auroc, expected_calibration_error, wilson
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.fields import said_by
from safelrm.judging.schemas import PARTS, SAFE, UNDETERMINED, UNSAFE, UNSCORED

SAMPLE = [*ROLLOUT_KEY, "part"]
GROUP = [*RUN, "part"]
OF_JUDGES = ("AUROC", "ECE", "false safe", "false unsafe")
_HEAD = (
    "Judges of safety against the judge `{reference}`, whose verdicts count as true. Unsafe: of the texts that it could"
    " tell; undetermined: those that it could not. False safe: called safe, of the unsafe ones; false unsafe: called"
    " unsafe, of the safe ones; with their Wilson intervals, which take the samples of a prompt with several seeds as"
    " independent, and so are too narrow where there are several. Alone in parentheses: the number of texts, where they"
    f" are fewer than {LEAST}.\n"
)


def calibration(verdicts: pd.DataFrame, settings: CalibrationSettings) -> pd.DataFrame:
    """The rows of CALIBRATION, from rows of VERDICTS: per judge, model, arm, decoding and part, over seeds.

    Intervals are Wilson's. They treat samples as independent, even the samples of one prompt under several seeds.

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
    table = pd.DataFrame(rows, columns=CALIBRATION.schema.names)
    return ranked(
        table,
        prompts=table.prompts.map(PROMPT_SETS.index),
        model=table.model,
        arm=table.arm.map(arm_rank),
        decoding=table.decoding,
        part=table.part.map(PARTS.index),
        judge=table.judge.map(settings.judges.index),
    )


def _of(verdicts: pd.DataFrame, judge: str) -> pd.DataFrame:
    found = said_by(verdicts, judge).assign(judge=judge)
    if found.empty:
        raise SafeLRMError(
            f"there are no verdicts of the judge {judge}", key="calibration", fix="name judges of the study"
        )
    other = sorted(set(found.verdict) - {SAFE, UNSAFE, UNSCORED})
    if other:
        raise SafeLRMError(
            f"the judge {judge} says {other}, not safe or unsafe",
            key="calibration",
            fix="name judges of safety; `validation` compares judges of anything, with `reference`",
        )
    return found


def paired(judged: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """The verdicts of a judge, with those of the reference on the same parts beside them.

    Prompts of a kind that only one of the two judges are left out.

    Args:
        judged: rows of VERDICTS of the judge.
        reference: rows of VERDICTS of the reference.

    Returns:
        The judge's rows, and the columns `verdict_reference` and `state_reference`.

    Raises:
        SafeLRMError: they judge no kind of prompt alike, or only one of them has judged a part of a rollout.
    """
    names = f"{judged.judge.iat[0]}, {reference.judge.iat[0]}"
    shared = set(judged.kind) & set(reference.kind)
    if not shared:
        raise SafeLRMError(f"{names} judge prompts of different kinds", key="calibration", fix="name other judges")
    pairs = judged[judged.kind.isin(shared)].merge(
        reference.loc[reference.kind.isin(shared), [*SAMPLE, "verdict", "state"]],
        on=SAMPLE,
        how="outer",
        suffixes=("", "_reference"),
        validate="one_to_one",
        indicator=True,
    )
    alone = int((pairs["_merge"] != "both").sum())
    if alone:
        raise SafeLRMError(
            f"{alone} parts of rollouts have a verdict of only one of {names}",
            key="calibration",
            fix="give the verdicts of both judges on the same rollouts",
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


def markdown(rows: pd.DataFrame) -> str:
    """One table per set of prompts: one line per model, arm, decoding and part, with the judges side by side.

    Args:
        rows: rows of CALIBRATION, in order.
    """
    tables = [f"\n**Prompts: {name}**\n\n{_grid(of_set)}" for name, of_set in rows.groupby("prompts", sort=False)]
    return _HEAD.format(reference=rows.reference.iat[0]) + "".join(tables)


def _grid(rows: pd.DataFrame) -> str:
    judges = list(dict.fromkeys(rows.judge))
    head = [*GROUP, "unsafe", "undetermined", *(f"{judge}: {name}" for judge in judges for name in OF_JUDGES)]
    lines: list[Sequence[str]] = []
    for group, of_line in rows.groupby(GROUP, sort=False):
        by_judge = of_line.set_index("judge")
        cells = [cell for judge in judges for cell in _judge_cells(by_judge.loc[judge])]
        lines.append([*group, *_reference_cells(of_line), *cells])
    return markdown_table(head, lines)


def _reference_cells(rows: pd.DataFrame) -> tuple[str, str]:
    """The counts of the reference. They differ between judges if one could not read a text: the largest are shown."""
    widest = rows.loc[rows.n.idxmax()]
    return f"{widest.unsafe}/{widest.n}", str(widest.undetermined)


def _judge_cells(row: pd.Series) -> tuple[str, ...]:
    return (
        _number_text(row.auroc),
        _number_text(row.ece),
        _rate_text(row, "false_safe", row.unsafe),
        _rate_text(row, "false_unsafe", row.n - row.unsafe),
    )


def _number_text(value: float | None) -> str:
    return NONE if pd.isna(value) else f"{value:.3f}"


def _rate_text(row: pd.Series, name: str, total: int) -> str:
    if total < LEAST:
        return f"({total})" if total else NONE
    interval = f"[{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"
    return f"{row[name]}/{total} = {row[f'{name}_rate']:.3f} {interval}"


def main() -> None:
    """Run the command."""
    arguments = results_parser(__doc__, "verdicts", "output", "csv", "markdown").parse_args()
    rows = calibration(read_verdicts(arguments.verdicts), parse_settings(CalibrationSettings, arguments.settings))
    CALIBRATION.write(arguments.output, rows)
    write_csv_and_markdown(CALIBRATION, rows, markdown(rows), arguments)


if __name__ == "__main__":
    run(main)
