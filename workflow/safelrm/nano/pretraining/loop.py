"""The training loop of the factory: a curriculum, until a held-out probe passes.

What is probed and kept is a moving average of the weights. At a constant learning rate it is as good as a decayed
rate would make it, at every step, so that training can stop whenever the probe says so. This, and the
curriculum, is why it is a plain loop and not transformers' Trainer, whose schedule is fixed beforehand.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd
from transformers import PreTrainedModel

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import end_as_terminated, termination_noted
from safelrm.core.saving import SaveClock
from safelrm.nano.pretraining.examples import Example, draw_batches
from safelrm.nano.pretraining.run import Probing, Training, figures, load_state, save_state
from safelrm.nano.settings import Optimisation, Phase, ProbeSettings


def train(
    model: PreTrainedModel,
    pools: Mapping[str, Sequence[Example]],
    settings: Optimisation,
    probe_settings: ProbeSettings,
    probe: Probing,
    *,
    seed: int,
    work: Path,
) -> tuple[PreTrainedModel, pd.DataFrame]:
    """Train until every measure of `probe` reaches its threshold often enough in a row, in the last phase.

    State is saved in the folder `work`; training goes on from what is there.

    Returns:
        The averaged model, and the curve: the loss and the probe's measures.

    Raises:
        SafeLRMError: the loss is not finite, or the probe does not pass within the steps of all phases.
        SystemExit: SIGTERM has come; the state is saved.
    """
    training = Training(model, settings)
    load_state(training, work)
    progress = training.progress
    rng, clock = random.Random(seed), SaveClock()
    with termination_noted() as terminated:
        for number, phase in enumerate(settings.phases):
            batches = draw_batches(pools, phase.mixture, settings.batch_size, rng)
            # of before a restart: drawn again, so that those that follow are the same
            taken = sum(1 for _ in islice(batches, progress.steps[number]))
            if number < progress.phase:
                continue
            progress.phase = number
            for batch in islice(batches, phase.steps - taken):
                training.take_step(batch)
                over = _is_over(phase, training, probe_settings, probe)
                progress.phase += over
                ending = terminated()
                if clock.is_due() or over or ending:
                    save_state(training, work)
                    clock.restart()
                if over:
                    break
                if ending:
                    end_as_terminated()
    if progress.phase < len(settings.phases):
        raise _too_weak(training, probe_settings)
    return training.average, training.curve()


def _is_over(phase: Phase, training: Training, settings: ProbeSettings, probe: Probing) -> bool:
    """Whether the probe, if it is due, ends the phase."""
    progress = training.progress
    is_last = progress.phase == len(progress.steps) - 1
    due = progress.step >= settings.first_step if is_last else bool(phase.until)
    if not due or progress.step % settings.every:
        return False
    passes = training.passes(probe, settings.threshold, () if is_last else phase.until)
    if not is_last:
        return passes
    progress.passed_in_row = progress.passed_in_row + 1 if passes else 0
    return progress.passed_in_row == settings.passes


def _too_weak(training: Training, settings: ProbeSettings) -> SafeLRMError:
    last = {
        metric.removeprefix("probe/"): value
        for _, metric, value in training.progress.rows
        if metric.startswith("probe/")
    }
    return SafeLRMError(
        f"the held-out probe has not passed {settings.passes} times in a row at {settings.threshold}"
        f" by step {training.progress.step}; last: {figures(last) or 'no probe'}",
        key="optimisation",
        fix="give the last phase more steps, or change the mixture or the learning rate",
    )
