"""How uncertain a policy is at each token of its own samples, and how far it has moved there from its base.

Input:  a run's rollouts and checkpoint; for a trained arm also the checkpoint of its model's base.
Output: three tables (analysis/entropy_schemas.py): ENTROPIES, a row per sample; ENTROPY_HISTOGRAMS and
        ENTROPY_POSITIONS, by benchmark, decoding mode and part. No table has a row per token.

1. A sample is read after its prompt, rendered by the chat template of the policy in the decoding mode in which it was
   asked. The policy and the base read the same tokens (teacher forcing). The end token is left out.
2. At each token of the completion, with the logits z over the whole vocabulary and the temperature T,

       p = softmax(z / T)      H = - sum_v p_v log p_v      KL = sum_v p_v log (p_v / q_v)

   where q is the base's distribution after the same tokens. All are in nats. T is the temperature at which the sample
   was drawn, unless the study gives another one. What top-p, top-k and penalties would leave out stays in p.
3. The *top tokens* of a run are the 20 % with the highest entropy among all tokens of its samples of a benchmark in a
   decoding mode (arXiv 2506.01939).
4. A *reflection token* is the token of a trace in which a marker of reflection begins (analysis/markers.py). Its
   entropy is that of the choice to write it.

A completion is kept as text. Where the tokenizer splits it into another number of tokens than were sampled, the row
says so (`resplit`).
"""

from pathlib import Path

import pandas as pd

from safelrm.analysis.entropy_rows import entropy_rows, histogram_rows, position_rows, token_frame
from safelrm.analysis.entropy_schemas import ENTROPIES, ENTROPY_HISTOGRAMS, ENTROPY_POSITIONS
from safelrm.analysis.entropy_settings import EntropyJobSettings
from safelrm.analysis.first_prompts import of_first_prompts
from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.generation.schemas import ROLLOUTS
from safelrm.training.command import prepare_process

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def entropies(rollouts: pd.DataFrame, folder: Path, base: Path | None, settings: EntropyJobSettings) -> Tables:
    """Rows of ENTROPIES, ENTROPY_HISTOGRAMS and ENTROPY_POSITIONS.

    Args:
        rollouts: rows of ROLLOUTS of one run, numbered from 0.
        folder: the model folder of the run.
        base: that of the base, None if the run is of the base itself.
        settings: how they are read.

    Raises:
        SafeLRMError: a model cannot be loaded, the two have different vocabularies, or a prompt is not the one that was
            asked.
    """
    # imported only now: the training libraries read the environment when they are imported, which takes seconds
    from safelrm.analysis.read_samples import read_samples  # noqa: PLC0415

    tokens = token_frame(rollouts, *read_samples(rollouts, folder, base, settings))
    return (
        entropy_rows(rollouts, tokens, settings.temperatures),
        histogram_rows(rollouts, tokens, settings),
        position_rows(rollouts, tokens, settings),
    )


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--checkpoint", required=True, type=Path, help="manifest of the policy")
    parser.add_argument("--base", nargs="?", type=Path, help="manifest of its base; none: the policy is the base")
    parser.add_argument("--rollouts", required=True, type=Path, help="rollouts table of the policy")
    parser.add_argument("--output", required=True, type=Path, help="the table ENTROPIES")
    parser.add_argument("--histograms", required=True, type=Path, help="the table ENTROPY_HISTOGRAMS")
    parser.add_argument("--positions", required=True, type=Path, help="the table ENTROPY_POSITIONS")
    options = parser.parse_args()
    prepare_process()
    settings = parse_settings(EntropyJobSettings, options.settings)
    rollouts = of_first_prompts(
        ROLLOUTS.read(options.rollouts), settings.benchmarks, settings.prompts, "entropies.benchmarks", options.rollouts
    )
    base = verified_model(options.base) if options.base else None
    found = entropies(rollouts, verified_model(options.checkpoint), base, settings)
    places = (options.output, options.histograms, options.positions)
    for table, path, rows in zip((ENTROPIES, ENTROPY_HISTOGRAMS, ENTROPY_POSITIONS), places, found, strict=True):
        # of samples without a token nothing can be counted
        table.write(path, rows, allow_empty=table is not ENTROPIES)


if __name__ == "__main__":
    run(main)
