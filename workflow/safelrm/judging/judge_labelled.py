"""Let one judge give its verdicts on one set of labelled completions, as if a model had just generated them.

Input:  a table of labelled completions, and the manifest of the guard or chat model that the judge asks, if any.
Output: a verdicts table. Its `model` is the name of the set.

The judge never sees a label. Its entry of the study, its guard or model included, is the one that judges rollouts.
`validate` (analysis/validate.py) compares the verdicts with the labels.
"""

from pathlib import Path

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.registered import load_registered
from safelrm.core.trace import parse_any
from safelrm.data.schemas import LABELLED
from safelrm.generation.schemas import ROLLOUTS
from safelrm.inference.schemas import STOP
from safelrm.judging.contract import NamedJudge, fields_of, judged_by
from safelrm.judging.schemas import VERDICTS

# the arm of texts that no arm of the study has said
ARM = "labelled"


def as_rollouts(labelled: pd.DataFrame, name: str) -> pd.DataFrame:
    """Labelled completions as rows of ROLLOUTS, without their labels. They have no lengths in tokens.

    Args:
        labelled: rows of LABELLED.
        name: the name of the set.
    """
    parsed = [parse_any(text) for text in labelled["completion"]]
    fixed = {"model": name, "arm": ARM, "seed": 0, "decoding": "default", "benchmark": name, "sample": 0}
    fixed |= {"finish_reason": STOP, "request_seed": 0} | dict.fromkeys(("attack", "system", "pair"))
    fixed |= dict.fromkeys(("prompt_tokens", "trace_tokens", "completion_tokens"), 0)
    rows = labelled.drop(columns=["final_label", "annotations"]).assign(
        **fixed,
        trace=[found.trace for found in parsed],
        answer=[found.answer for found in parsed],
        parse_state=[found.state for found in parsed],
    )
    return rows[ROLLOUTS.schema.names]


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--name", required=True, help="name of the judge")
    parser.add_argument("--module", required=True, help="dotted path of the judge's module")
    parser.add_argument("--set", required=True, help="name of the set of labelled completions")
    parser.add_argument("--labelled", required=True, type=Path, help="table of the labelled completions")
    parser.add_argument("--asked", nargs="?", type=Path, help="manifest of the guard or model that the judge asks")
    parser.add_argument("--output", required=True, type=Path, help="the verdicts table")
    options = parser.parse_args()
    module = load_registered(options.module, "Settings", "judge")
    settings = parse_settings(module.Settings, options.settings)
    rollouts = as_rollouts(LABELLED.read(options.labelled), options.set)
    asked = verified_model(options.asked) if options.asked else None
    judge = NamedJudge(options.name, options.module, fields_of(module, settings))
    VERDICTS.write(options.output, judged_by(judge, module, rollouts, settings, asked))


if __name__ == "__main__":
    run(main)
