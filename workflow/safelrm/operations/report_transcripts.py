"""The transcripts of a report: rollouts of a page, with verdicts, signs and P(safe) by sentence where it was read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from safelrm.analysis.files import read_verdicts
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import ANALYSES, BROKEN, CLIPPED, ESCAPE, LEAK, OVER_REFUSAL, REFUSAL, WHOLE
from safelrm.analysis.settings import MetricsJobSettings
from safelrm.analysis.trajectory_schemas import TRAJECTORIES
from safelrm.core.trace import PARSE_STATES
from safelrm.dag.plan import Plan
from safelrm.dag.stages.judging import verdict_files
from safelrm.dag.used import used_judges
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.reporting.page import transcripts
from safelrm.reporting.page.document import Section
from safelrm.reporting.page.sections import section

Files = Mapping[str, Sequence[str]]
# outcomes that make a rollout worth a look
SIGNS = (LEAK, ESCAPE, BROKEN, REFUSAL, OVER_REFUSAL, CLIPPED)
KEY = list(ROLLOUT_KEY)


def parts(
    plan: Plan, files: Files, prompts: pd.DataFrame, held: str, others: Sequence[str]
) -> tuple[list[Section], dict]:
    """The sections of a page's transcripts, and their data.

    Args:
        plan: the plan of the study.
        files: the study's files, by the names of inputs of figures.
        prompts: `benchmark` and `prompt_id` of the page's prompts.
        held: which rollouts the page has, as a sentence.
        others: links to pages with the others.
    """
    rows = transcripts.rows_of([Path(path) for path in files["rollouts"]], prompts)
    verdicts = _of_rows(read_verdicts(_verdicts(plan)), rows)
    shades = _shades(files, rows)
    index = transcripts.index(rows)
    index |= {"judged": transcripts.judged(rows, verdicts), "flags": _flags(plan, files, rows, verdicts)}
    said = transcripts.texts(rows, shades)
    sections = [
        section("transcripts", "Transcripts", held=held, others=others, shaded=bool(shades)),
        section("labels", "Label by hand"),
    ]
    return sections, {"data-index": index, **{f"data-texts-{place}": piece for place, piece in enumerate(said)}}


def _verdicts(plan: Plan) -> list[Path]:
    """The verdicts of every judge that judges rollouts. What judges responses of teachers alone has no file of them."""
    of_judges = [[Path(path) for path in verdict_files(plan.study, [name])] for name in sorted(used_judges(plan.study))]
    return [path for files in of_judges if any(path.is_file() for path in files) for path in files]


def _of_rows(found: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The entries of a table that are about the rollouts."""
    return found.merge(rows[KEY], on=KEY)


def _flags(plan: Plan, files: Files, rows: pd.DataFrame, verdicts: pd.DataFrame) -> dict[str, list[int]]:
    """The rollouts that show a sign: an outcome of the metrics, or a measure of 0 or 1 of the trace analyses."""
    found = []
    if plan.study.metrics:
        settings = MetricsJobSettings.model_validate_json(plan.results.metrics_settings())
        values = outcomes(rows, verdicts, settings)
        values = values[values.metric.isin(SIGNS)]
        found.append(values.assign(name=_named(values.metric, values.part)))
    for name in plan.study.analyses:
        measured = pd.concat([ANALYSES.read(Path(path)) for path in files[f"analyses.{name}"]], ignore_index=True)
        rates = measured.groupby("measure").value.agg(lambda value: value.dropna().isin([0, 1]).all())
        of_rows = _of_rows(measured[measured.measure.map(rates)], rows)
        # how a completion parses has a filter of its own
        of_rows = of_rows[~of_rows.measure.isin(PARSE_STATES)]
        found.append(of_rows.assign(name=_named(of_rows.measure, of_rows.part)))
    return transcripts.flags(rows, pd.concat(found)) if found else {}


def _named(names: pd.Series, parts_: pd.Series) -> pd.Series:
    return names.where(parts_ == WHOLE, names + " " + parts_)


def _shades(files: Files, rows: pd.DataFrame) -> dict[tuple, list[list[float | None]]]:
    """By rollout: the share of the trace up to the end of each sentence, and P(safe) of what was read."""
    if "trajectories" not in files:
        return {}
    read = pd.concat([TRAJECTORIES.read(Path(path)) for path in files["trajectories"]], ignore_index=True)
    read = _of_rows(read, rows).sort_values([*KEY, "sentence"])
    return {
        key: [
            [round(share, 4), None if pd.isna(safe) else round(safe, 3)]
            for share, safe in zip(of.share, of.p_safe, strict=True)
        ]
        for key, of in read.groupby(KEY)
    }
