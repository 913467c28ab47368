"""Training that goes on where it was killed, and then ends in the same bytes as if it had not been.

The trainer's own checkpoints hold weights, optimiser, schedule, random numbers and log. The position in the data
follows from the step: a sampler depends on the seed and the epoch alone.
"""

import math
from collections.abc import Callable
from pathlib import Path

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from safelrm.core.process import checkpoint_every, end_as_terminated, is_first_process, termination_noted
from safelrm.core.snapshots import newest_snapshot, seal, snapshot_path, snapshot_step
from safelrm.training.processes import greatest


class StateKeeper(TrainerCallback):
    """Lets the trainer save its state every so many steps, and save it and stop when it is to end.

    Args:
        every: steps between two saves, rounded up to a multiple of `multiple`.
        multiple: state is saved, and training stopped, at multiples of this step only.
        terminated: whether the process is to end.
    """

    def __init__(self, every: int, multiple: int, terminated: Callable[[], bool]) -> None:
        self._every = math.ceil(every / multiple) * multiple
        self._multiple = multiple
        self._terminated = terminated

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Called by the trainer after a step, before it logs and saves."""
        # the last step, too, is saved: its outputs may not fit on the disk
        is_last = state.global_step >= state.max_steps
        if state.global_step % self._multiple and not is_last:
            return
        # one process may be told before the others
        if greatest(int(self._terminated()), args.device):
            control.should_save = control.should_training_stop = True
        elif is_last or state.global_step % self._every == 0:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Called by the trainer after it has written its state."""
        greatest(0, args.device)
        if is_first_process():
            seal(snapshot_path(Path(args.output_dir), state.global_step))
        # a process that ends now must not take the first one with it
        greatest(0, args.device)


def _snapshot_to_go_on_from(args: TrainingArguments) -> Path | None:
    """The newest usable snapshot, which the first process finds for all."""
    folder = Path(args.output_dir)
    newest = newest_snapshot(folder) if is_first_process() else None
    step = greatest(snapshot_step(newest) if newest else 0, args.device)
    return snapshot_path(folder, step) if step else None


def train_resumably(trainer: Trainer, *, multiple: int = 1) -> None:
    """Train from the state in the trainer's output folder, if there is one, saving it every so many steps.

    Args:
        trainer: it logs every step and saves nothing by itself.
        multiple: steps that must not be parted by a save.

    Raises:
        SystemExit: SIGTERM has come; the step was finished and its state saved.
    """
    snapshot = _snapshot_to_go_on_from(trainer.args)
    if snapshot:
        print(f"going on from {snapshot}", flush=True)
    if snapshot and _is_at_end(trainer, snapshot):
        return
    with termination_noted() as terminated:
        trainer.add_callback(StateKeeper(checkpoint_every(), multiple, terminated))
        trainer.train(resume_from_checkpoint=str(snapshot) if snapshot else None)
    if trainer.state.global_step < trainer.state.max_steps:
        end_as_terminated()


def _is_at_end(trainer: Trainer, snapshot: Path) -> bool:
    """Whether a snapshot is of the last step; then the trainer is brought to it: its own loop would take one more."""
    state = TrainerState.load_from_json(str(snapshot / TRAINER_STATE_NAME))
    if state.global_step < state.max_steps:
        return False
    trainer._load_from_checkpoint(str(snapshot))
    trainer.state = state
    return True
