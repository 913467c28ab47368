"""The safety trajectory of traces: P(safe) at each sentence, by a guard that reads the trace as far as it has come.

Input:  rollouts tables of one model, every arm and seed, and the manifest of a guard.
Output: the table TRAJECTORIES (analysis/trajectory_schemas.py): a row for each sentence of each trace.

1. Of each benchmark that is named, the prompts are taken that come first by a hash of their ids. So all arms and models
   are read on the same prompts, and a larger number adds prompts. Every trace of these prompts is read: of all arms,
   seeds, decoding modes and samples. What has no trace, or one without a letter or a digit, is left out.
2. A trace is parted into sentences (analysis/sentences.py). A trace of very many is read in pieces of several.
3. The guard is asked about the prompt and the trace up to the end of each sentence, as judges ask it about a whole
   trace (judging/guard.py). What it has said is kept, so a reading that a judge has got is not asked for again.
4. What was read is marked: turning points, reflections and what follows them (analysis/turning.py). A sentence reflects
   if it holds a marker (analysis/markers.py), however many.

A guard that was made to judge whole answers may be less sure of a text that breaks off. Arms compare, since all are
read alike.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from safelrm.analysis.first_prompts import of_first_prompts
from safelrm.analysis.markers import marker_pattern, places
from safelrm.analysis.sentences import sentence_ends
from safelrm.analysis.trajectory_schemas import TRAJECTORIES
from safelrm.analysis.trajectory_settings import TrajectoryJobSettings
from safelrm.analysis.turning import turning_points, what_follows
from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.inference.guard_labels import SAFETY
from safelrm.inference.readings import VllmGuard
from safelrm.judging.guard import require_readable, verdicts
from safelrm.judging.parts import parts_of, unique_pairs
from safelrm.judging.schemas import SCORED, TRACE
from safelrm.judging.settings import GuardJudgeSettings

KEY = list(ROLLOUT_KEY)
NAMED = [*KEY, "kind", "category"]


def pieces(ends: list[int], most: int | None) -> list[int]:
    """At most `most` of the ends of sentences, as evenly spread as can be, the last one among them."""
    if most is None or len(ends) <= most:
        return ends
    return [ends[len(ends) * (place + 1) // most - 1] for place in range(most)]


def beginnings(rollouts: pd.DataFrame, settings: TrajectoryJobSettings) -> pd.DataFrame:
    """What the guard is asked: one row per trace and sentence, with the prompt and the trace so far, in order.

    The columns are those of ROLLOUT_KEY, `kind`, `category`, `sentence`, `share`, `reflection`, and those of
    `parts_of` (judging/parts.py).
    """
    wording = settings.reading.asks_about == "wording"
    traces = parts_of(rollouts, wording=wording, so_far=True)
    traces = traces[(traces.part == TRACE) & (traces.state == SCORED)].merge(rollouts[NAMED], on=KEY)
    pattern = marker_pattern(settings.markers)
    rows = []
    for trace in traces.to_dict("records"):
        text, start = trace["text"], 0
        ends = pieces(sentence_ends(text, settings.sentence_marks), settings.most_sentences)
        marked = np.asarray(places(text, pattern))
        for number, end in enumerate(ends, start=1):
            reflects = bool(((marked >= start) & (marked < end)).any())
            said = {"sentence": number, "share": end / len(text), "reflection": reflects, "text": text[:end]}
            rows.append(trace | said)
            start = end
    return pd.DataFrame(rows, columns=[*traces.columns, "sentence", "share", "reflection"])


def trajectories(rollouts: pd.DataFrame, guard: Path, settings: TrajectoryJobSettings) -> pd.DataFrame:
    """Rows of TRAJECTORIES.

    Args:
        rollouts: rows of ROLLOUTS of one model.
        guard: the guard's model folder.
        settings: which traces are read, and how.

    Raises:
        SafeLRMError: there are no rollouts on a benchmark, there is no trace, or the guard cannot be asked or read.
    """
    chosen = of_first_prompts(rollouts, settings.benchmarks, settings.prompts, "trajectories.benchmarks")
    asked = beginnings(chosen, settings)
    if asked.empty:
        raise SafeLRMError(
            f"`{rollouts.model.iat[0]}` has written no trace on {settings.benchmarks}",
            key="trajectories.models",
            fix="leave the model out: it does not reason",
        )
    pairs = unique_pairs(asked)
    readings = VllmGuard(guard, settings.reading, dtype=settings.dtype).read(pairs)
    require_readable(readings, settings.reading, guard)
    how = GuardJudgeSettings(reading=settings.reading, dtype=settings.dtype)
    found = verdicts(asked, dict(zip(pairs, readings, strict=True)), how)
    p_safe = 1.0 - found[found.field == SAFETY].score.to_numpy(dtype=float)
    read = asked.assign(p_safe=p_safe, guard=settings.guard)
    marked = [_marked(trace, settings) for _, trace in read.groupby(KEY, sort=False)]
    return pd.concat(marked, ignore_index=True)[TRAJECTORIES.schema.names]


def _marked(trace: pd.DataFrame, settings: TrajectoryJobSettings) -> pd.DataFrame:
    """The sentences of a trace, with its turns and with what follows its reflections."""
    values = trace.p_safe.tolist()
    follows = [
        what_follows(values, place, settings.margin, settings.window) if reflects else None
        for place, reflects in enumerate(trace.reflection)
    ]
    return trace.assign(
        change=trace.p_safe.diff().shift(-1),
        turn=pd.Series(turning_points(values, settings.hysteresis), index=trace.index, dtype=object),
        follows=pd.Series(follows, index=trace.index, dtype=object),
    )


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--rollouts", required=True, nargs="+", type=Path, help="rollouts tables of the model's runs")
    parser.add_argument("--guard", required=True, type=Path, help="manifest of the guard")
    parser.add_argument("--output", required=True, type=Path, help="the table TRAJECTORIES")
    options = parser.parse_args()
    settings = parse_settings(TrajectoryJobSettings, options.settings)
    rollouts = pd.concat([ROLLOUTS.read(path) for path in options.rollouts], ignore_index=True)
    rows = trajectories(rollouts, verified_model(options.guard), settings)
    print(f"{len(rows)} readings, {rows.p_safe.isna().sum()} of them unscored")
    TRAJECTORIES.write(options.output, rows)


if __name__ == "__main__":
    run(main)
