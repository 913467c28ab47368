"""Which dialogues of its corpus a base of the nano study was trained on, by drawing its batches again.

The loop of pre-training draws rows at random from a seed, and ends when the probe passes. So a base has seen a part of
its corpus only. The training curve says at which step each phase ended. With it the draws come out as they did.

Members are the texts that the loop has drawn, at least once. The others are those that it has not. Which of a corpus's
texts is drawn is chance alone: nothing else tells the two sides apart. So only texts that the corpus holds once are
taken. A text that it holds several times is drawn more often, and more familiar for that reason, too.
"""

import random
from collections import Counter
from collections.abc import Mapping
from itertools import islice, pairwise
from pathlib import Path

import pandas as pd

from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import BENIGN, HARMFUL, REASONING
from safelrm.models.schemas import CURVES
from safelrm.nano.pretraining.examples import draw_batches
from safelrm.nano.schemas import CORPUS
from safelrm.nano.settings import Optimisation, ProbeSettings, ScratchSettings
from safelrm.nano.world.requests import is_harmful_prompt, prompt_id

PROBE = "probe/"


def texts(
    settings: Mapping[str, object], inputs: Mapping[str, Path], seed: int, curve: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The dialogues that a base was trained on, and those of its corpus that it was not trained on.

    Dialogues that pre-training renders with arguments of the chat template are left out.

    Args:
        settings: those of the factory `safelrm.nano.pretraining.base`.
        inputs: its inputs.
        seed: its seed.
        curve: the training curve that it has written.

    Returns:
        Rows of CONVERSATIONS of both sides, in random order.
    """
    chosen, corpus = ScratchSettings.model_validate(settings), CORPUS.read(inputs["corpus"])
    steps = steps_of_phases(CURVES.read(curve), chosen.optimisation, chosen.probe)
    times = draws(corpus, chosen.optimisation, steps, seed)
    plain = [kind for kind, arguments in chosen.template_arguments.items() if arguments]
    rows = corpus[corpus.prompt.notna() & ~corpus.kind.isin(plain)]
    rows = rows[~rows.duplicated(["prompt", "text"], keep=False)].sample(frac=1.0, random_state=seed)
    members = [times[place] > 0 for place in rows.index]
    return _conversations(rows[members]), _conversations(rows[[not one for one in members]])


def draws(corpus: pd.DataFrame, optimisation: Optimisation, steps: list[int], seed: int) -> Counter[int]:
    """How often the loop of pre-training draws each row of a corpus (nano/pretraining/loop.py).

    Args:
        corpus: rows of CORPUS.
        optimisation: the curriculum.
        steps: how many steps each of its phases took.
        seed: seed of the base.
    """
    pools: dict[str, list[int]] = {}
    for kind, rows in corpus.groupby("kind"):
        # plain texts come first, as in `encode_corpus`
        plain = rows.prompt.isna()
        pools[str(kind)] = [*rows.index[plain], *rows.index[~plain]]
    found: Counter[int] = Counter()
    rng = random.Random(derive_seed("base", seed))
    for phase, taken in zip(optimisation.phases, steps, strict=True):
        for batch in islice(draw_batches(pools, phase.mixture, optimisation.batch_size, rng), taken):
            found.update(batch)
    return found


def steps_of_phases(curve: pd.DataFrame, optimisation: Optimisation, probe: ProbeSettings) -> list[int]:
    """How many steps each phase took. A phase ends when its measures pass, or at its cap; the last one with a probe."""
    probed = curve[curve.metric.str.startswith(PROBE)]
    passed = probed[probed.value >= probe.threshold].groupby("step").metric.agg(set)
    ends = [0]
    for phase in optimisation.phases[:-1]:
        start, wanted = ends[-1], {f"{PROBE}{name}" for name in phase.until}
        over = [step for step, names in passed.items() if wanted and start < step and wanted <= names]
        ends.append(min([*over, start + phase.steps]))
    ends.append(int(probed.step.max()))
    return [int(end - start) for start, end in pairwise(ends)]


def _conversations(rows: pd.DataFrame) -> pd.DataFrame:
    kinds = [
        REASONING if kind.startswith("reasoning") else HARMFUL if is_harmful_prompt(prompt) else BENIGN
        for kind, prompt in zip(rows.kind, rows.prompt, strict=True)
    ]
    names = [prompt_id("world_corpus", f"{row.prompt}\n{row.text}") for row in rows.itertuples()]
    found = rows.rename(columns={"kind": "category", "text": "response"}).assign(kind=kinds, prompt_id=names)
    return found[["prompt_id", "kind", "category", "prompt", "response"]].reset_index(drop=True)
