"""Select SFT data from a distillation.

Input:  a table of distilled responses, and the verdicts of the judges that filters read.
Output: a conversations table, sorted by prompt and sample, and what became of every sample.

training/selecting.py has the steps, training/filters/ the filters. The log says how many samples came in, how many were
kept, and how many were rejected for each reason. A prompt of which nothing is kept is counted there, too.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import CONVERSATIONS
from safelrm.generation.schemas import DISTILLED
from safelrm.judging.schemas import VERDICTS
from safelrm.training.filters.filter import SAMPLE
from safelrm.training.schemas import KEPT, OUTCOMES, REJECTED
from safelrm.training.selecting import rejections
from safelrm.training.selection_settings import SelectJobSettings
from safelrm.training.trace_controls import emptied, shuffled


def outcomes_of(
    samples: pd.DataFrame, verdicts: Mapping[str, pd.DataFrame], settings: SelectJobSettings
) -> pd.DataFrame:
    """Rows of OUTCOMES without the name of the selection: what becomes of every sample, sorted by prompt and sample.

    Args:
        samples: rows of DISTILLED.
        verdicts: rows of VERDICTS on them, by judge.
        settings: the selection.

    Raises:
        SafeLRMError: verdicts are not those on these samples, a filter is at fault, or too few samples are left.
    """
    require_fitting(samples, verdicts)
    reasons = rejections(samples, verdicts, settings)
    rows = samples.assign(outcome=reasons.isna().map({True: KEPT, False: REJECTED}), reason=reasons)
    rows = rows.sort_values(SAMPLE, kind="stable", ignore_index=True)
    return rows[[name for name in OUTCOMES.schema.names if name in rows]]


def require_fitting(samples: pd.DataFrame, verdicts: Mapping[str, pd.DataFrame]) -> None:
    """Make sure that verdicts are those on some samples.

    Raises:
        SafeLRMError: some are on other samples, or on another distillation.
    """
    known, names = {*samples[SAMPLE].itertuples(index=False, name=None)}, {*samples["distillation"]}
    for judge, rows in verdicts.items():
        judged = {*rows[SAMPLE].itertuples(index=False, name=None)}
        if judged - known or {*rows["model"]} - names:
            problem, fix = "its verdicts are not those on this distillation", "run the rule judge_distilled again"
            raise SafeLRMError(problem, file=f"judge {judge}", fix=fix)


def conversations_of(samples: pd.DataFrame, outcomes: pd.DataFrame, settings: SelectJobSettings) -> pd.DataFrame:
    """Rows of CONVERSATIONS: what is kept, sorted by prompt and sample.

    Where several samples of a prompt may be kept, the number of the sample is a part of the id.

    Raises:
        SafeLRMError: nothing is kept, or traces cannot be shuffled.
    """
    kept = outcomes.loc[outcomes["outcome"] == KEPT, SAMPLE]
    if kept.empty:
        raise SafeLRMError(
            f"no sample is left to train on: {counted(outcomes['reason'])}",
            key="selections",
            fix="loosen the filters, distil more `samples`, or ask another teacher",
        )
    rows = kept.merge(samples, on=SAMPLE, how="left", validate="one_to_one")
    if settings.traces != "kept":
        rows = rows.assign(response=emptied(rows) if settings.traces == "emptied" else shuffled(rows, settings.seed))
    if settings.per_prompt > 1:
        rows = rows.assign(prompt_id=rows["prompt_id"] + "-" + rows["sample"].astype(str))
    return rows[CONVERSATIONS.schema.names]


def counted(reasons: pd.Series) -> str:
    """How often each reason was given, the most frequent first."""
    counts = reasons.value_counts()
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {reason}" for reason, count in order) or "none"


def said_of(outcomes: pd.DataFrame) -> str:
    """How many samples came in, were kept and were rejected, and the prompts of which nothing is kept."""
    kept = outcomes["outcome"] == KEPT
    lines = [f"{len(outcomes)} samples = {int(kept.sum())} kept + {int((~kept).sum())} rejected"]
    for kind, rows in outcomes.groupby("kind"):
        whole = rows["outcome"] == KEPT
        lines.append(f"{kind}: {len(rows)} = {int(whole.sum())} kept + rejected: {counted(rows['reason'])}")
    without = outcomes[~outcomes["prompt_id"].isin(outcomes.loc[kept, "prompt_id"])]
    # of each such prompt, the reason that most of its samples have
    main = without.groupby("prompt_id")["reason"].agg(lambda found: min(found.mode()))
    asked = outcomes["prompt_id"].nunique()
    lines.append(f"prompts: {asked} = {asked - len(main)} with a kept sample + without: {counted(main)}")
    return "\n".join(lines)


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--name", required=True, help="name of the selection")
    parser.add_argument("--distilled", required=True, type=Path, help="table of the distilled responses")
    parser.add_argument("--verdicts", nargs="*", default=[], metavar="NAME=PATH", help="verdicts on them, by judge")
    parser.add_argument("--output", required=True, type=Path, help="the conversations table")
    parser.add_argument("--output-outcomes", required=True, type=Path, help="table of what became of every sample")
    options = parser.parse_args()
    settings = parse_settings(SelectJobSettings, options.settings)
    samples = DISTILLED.read(options.distilled)
    verdicts = {name: VERDICTS.read(path) for name, path in named_paths("--verdicts", options.verdicts).items()}
    outcomes = outcomes_of(samples, verdicts, settings)
    print(said_of(outcomes), flush=True)
    conversations = conversations_of(samples, outcomes, settings)
    OUTCOMES.write(options.output_outcomes, outcomes.assign(selection=options.name))
    CONVERSATIONS.write(options.output, conversations)


if __name__ == "__main__":
    run(main)
