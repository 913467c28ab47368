"""Probes of a policy while it is trained: curves of what it answers, and which of its weights become the checkpoint.

1. Before the first step, after the last one and at equal distances between them, the policy answers the prompts of the
   probes (training/probe_answers.py). Means of terms and the score go into the trainer's log, and so into the curve.
2. With `keep: best` the weights of the probe with the highest score become the checkpoint, of equal ones the earliest.
   The probe before the first step does not count: its weights are those that the training started from.
3. With `patience` the training ends after so many probes without a new highest score.

All of this follows from the trainer's log, which a resumed run has whole. The answers and the best weights lie in each
snapshot of the trainer's state (training/resuming.py), which is sealed with them.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.core.process import is_first_process
from safelrm.core.snapshots import snapshot_path
from safelrm.training.policy import Policy
from safelrm.training.probe_answers import (
    SCORE_METRIC,
    TOKENS_METRIC,
    PolicyProbe,
    mean_metric,
    scored_metric,
    separate_randomness,
    step_name,
)
from safelrm.training.probing import Probing
from safelrm.training.processes import process_count
from safelrm.training.reward_guards import load_guards
from safelrm.training.reward_settings import ProbingSettings
from safelrm.training.rewards.guard import RewardGuard
from safelrm.training.schemas import PROBED
from safelrm.training.vanishing import check_kinds

# files of a snapshot
ANSWERS, BEST = "probe_rollouts.parquet", "best.safetensors"


def probe_metrics(settings: ProbingSettings | None) -> dict[str, str]:
    """The metrics of probes: name in the trainer's log -> name in the curve."""
    terms = [term.name for term in settings.rewards] if settings else []
    names = [SCORE_METRIC, TOKENS_METRIC, *map(mean_metric, terms), *map(scored_metric, terms)] if terms else []
    return {name: name for name in names}


def probed_steps(steps: int, times: int) -> list[int]:
    """The steps after which a training of so many steps is probed, the start (0) and the last step included."""
    return sorted({round(steps * place / times) for place in range(times + 1)})


def scores(history: Sequence[Mapping[str, float]]) -> dict[int, float]:
    """The score of each probe that counts, by its step, from the trainer's log."""
    probes = (entry for entry in history if SCORE_METRIC in entry)
    return {int(entry["step"]): entry[SCORE_METRIC] for entry in probes if entry["step"] > 0}


def best_step(history: Sequence[Mapping[str, float]]) -> int:
    """The step of the probe with the highest score, of equal ones the earliest; 0 before the first one that counts."""
    found = scores(history)
    return max(found, key=lambda step: (found[step], -step), default=0)


def probes_since_best(history: Sequence[Mapping[str, float]]) -> int:
    """The number of probes after the best one."""
    return sum(step > best_step(history) for step in scores(history))


class ProbeCallback(TrainerCallback):
    """Probes the policy, and keeps the answers and the best weights.

    Args:
        probe: asks the policy.
    """

    def __init__(self, probe: PolicyProbe) -> None:
        self._probe, self._settings = probe, probe.settings
        self._rows: list[pd.DataFrame] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: object
    ) -> None:
        """The trainer calls this at the start, or when it has loaded the state that it goes on from."""
        if state.global_step == 0:
            self._ask(given["model"], state)
            return
        snapshot = snapshot_path(Path(args.output_dir), state.global_step)
        self._rows = [PROBED.read(snapshot / ANSWERS)]
        if best_step(state.log_history) and self._settings.keep == "best":
            with atomic_path(Path(args.output_dir) / BEST) as path:
                _link(snapshot / BEST, path)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: object
    ) -> None:
        """The trainer calls this after a step, before it logs and saves."""
        if state.global_step not in probed_steps(state.max_steps, self._settings.times):
            return
        self._ask(given["model"], state)
        if self._settings.keep == "best" and best_step(state.log_history) == state.global_step:
            with atomic_path(Path(args.output_dir) / BEST) as path:
                save_file({name: each.detach().cpu().contiguous() for name, each in _trained(given["model"])}, path)
        waited = probes_since_best(state.log_history)
        if self._settings.patience is not None and waited >= self._settings.patience:
            print(f"no higher score in {waited} probes: the training ends at step {state.global_step}", flush=True)
            # so that this is the last step, also for whoever goes on from its state
            state.max_steps = state.global_step
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """The trainer calls this after it has written its state, before the state is sealed."""
        folder = Path(args.output_dir)
        snapshot = snapshot_path(folder, state.global_step)
        PROBED.write(snapshot / ANSWERS, pd.concat(self._rows, ignore_index=True))
        if best_step(state.log_history) and self._settings.keep == "best":
            _link(folder / BEST, snapshot / BEST)

    def _ask(self, model: PreTrainedModel, state: TrainerState) -> None:
        rows, metrics = self._probe.ask(model, state.global_step)
        self._rows.append(rows)
        # not by the trainer's own log, which would take what it has gathered for the next step
        state.log_history.append({"step": state.global_step, **metrics})
        shown = "  ".join(f"{name.removeprefix('probe_')} {value:.4g}" for name, value in metrics.items())
        print(f"probe {step_name(state.global_step)}  {shown}", flush=True)


def start_probing(
    trainer: Trainer,
    policy: Policy,
    settings: ProbingSettings | None,
    probing: Probing | None,
    guards: Mapping[str, RewardGuard],
) -> None:
    """Let a trainer probe its policy, if the recipe has probes. Call it before the training starts.

    Args:
        trainer: the trainer.
        policy: the policy at the start.
        settings: the probes of the recipe.
        probing: the run, and what its probes ask.
        guards: guards that the reward reads, by name; others are loaded here.

    Raises:
        SafeLRMError: several processes train, or the probes cannot be asked or scored.
    """
    if settings is None or probing is None:
        return
    if process_count() > 1:
        raise SafeLRMError(
            "probes need the whole policy in one process, and several processes share this training",
            key="probe",
            fix="give the job one GPU, or leave `probe` out",
        )
    check_kinds(settings.rewards, probing.prompts)
    # whatever draws random numbers here must not change the training
    with separate_randomness(probing.seed):
        own = {name: path for name, path in probing.guards.items() if name in settings.guards and name not in guards}
        read = {**guards} | load_guards(own, probing.readings, settings.guard_dtype)
        used = {name: read[name] for name in settings.guards}
        trainer.add_callback(ProbeCallback(PolicyProbe(policy, settings, probing, used)))


def finish_probing(trainer: Trainer, settings: ProbingSettings | None, probing: Probing | None) -> None:
    """Write the answers to all probes, and give the policy the weights that are to be kept. Call it after the training.

    Args:
        trainer: the trainer, at its last step, whose state is saved.
        settings: the probes of the recipe; None: the table has no rows.
        probing: the run; None: nothing is written.
    """
    if probing is None or not is_first_process():
        return
    if settings is None:
        PROBED.write(probing.output, pd.DataFrame(columns=PROBED.schema.names), allow_empty=True)
        return
    step, snapshot = trainer.state.global_step, snapshot_path(Path(trainer.args.output_dir), trainer.state.global_step)
    PROBED.write(probing.output, PROBED.read(snapshot / ANSWERS))
    found = scores(trainer.state.log_history)
    if settings.keep == "best":
        step = best_step(trainer.state.log_history)
        with safe_open(snapshot / BEST, framework="pt") as best, torch.no_grad():
            for name, weight in _trained(trainer.model):
                weight.copy_(best.get_tensor(name))
    print(f"kept: step {step}, score {found[step]:.4g} ({settings.keep} of {len(found)} probes)", flush=True)


def _trained(model: PreTrainedModel) -> list[tuple[str, torch.nn.Parameter]]:
    """The weights that are trained. Weights that share their numbers are there once."""
    return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]


def _link(source: Path, target: Path) -> None:
    """A second name of a file, or a copy where the file system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
