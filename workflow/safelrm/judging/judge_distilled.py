"""Let one judge give its verdicts on the responses of one distillation, as if a model of the study had just said them.

Input:  a table of distilled responses, and the manifest of the guard or chat model that the judge asks, if any.
Output: a verdicts table. Its `model` is the name of the distillation, its `benchmark` the data set of the prompt.

Judges read the prompt as the student is asked it, without the instruction that the teacher was shown. Filters of
selections, and reports, read the verdicts.
"""

from pathlib import Path

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.registered import load_registered
from safelrm.generation.schemas import DISTILLED, FILTERED, REFUSED, ROLLOUTS
from safelrm.inference.schemas import LENGTH, STOP
from safelrm.judging.contract import NamedJudge, fields_of, judged_by
from safelrm.judging.schemas import VERDICTS

# the arm of texts that no arm of the study has said
ARM = "distilled"
# what a filter has cut did not end, as what the token limit has cut; what was refused has no text
ENDS = {FILTERED: LENGTH, REFUSED: STOP}
COUNTS = ["prompt_tokens", "trace_tokens", "completion_tokens"]


def as_rollouts(distilled: pd.DataFrame) -> pd.DataFrame:
    """Distilled responses as rows of ROLLOUTS. Where tokens were not counted, their number is 0.

    Args:
        distilled: rows of DISTILLED.
    """
    rows = distilled.rename(columns={"distillation": "model", "dataset": "benchmark", "response": "completion"})
    rows = rows.assign(
        arm=ARM,
        seed=0,
        decoding="default",
        finish_reason=rows["finish_reason"].replace(ENDS),
        **dict.fromkeys(("attack", "system", "pair")),
        **rows[COUNTS].fillna(0).astype("int64"),
    )
    return rows[[*ROLLOUTS.schema.names]]


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--name", required=True, help="name of the judge")
    parser.add_argument("--module", required=True, help="dotted path of the judge's module")
    parser.add_argument("--distilled", required=True, type=Path, help="table of the distilled responses")
    parser.add_argument("--asked", nargs="?", type=Path, help="manifest of the guard or model that the judge asks")
    parser.add_argument("--output", required=True, type=Path, help="the verdicts table")
    options = parser.parse_args()
    module = load_registered(options.module, "Settings", "judge")
    settings = parse_settings(module.Settings, options.settings)
    rollouts = as_rollouts(DISTILLED.read(options.distilled))
    asked = verified_model(options.asked) if options.asked else None
    judge = NamedJudge(options.name, options.module, fields_of(module, settings))
    VERDICTS.write(options.output, judged_by(judge, module, rollouts, settings, asked))


if __name__ == "__main__":
    run(main)
