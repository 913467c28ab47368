"""Training that goes on where it was killed, and then ends in the same bytes as if it had not been.

transformers' Trainer writes and reads the snapshots: weights, optimiser, schedule, random numbers and log. The position
in the data follows from the step, since a sampler depends on the seed and the epoch alone. But the Trainer would load a
half-written snapshot. Its `enable_jit_checkpoint` waits three seconds after SIGTERM, may save in the middle of a step,
lets the processes of a job stop at different steps, and ends with status 0.
"""

from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from safelrm.core.process import end_as_terminated, is_first_process, termination_noted
from safelrm.core.saving import SaveClock
from safelrm.core.snapshots import newest_step, seal, snapshot_path
from safelrm.training.processes import greatest


class Wish(IntEnum):
    """What a process wants after a step. All processes do what the greatest wish of one of them is."""

    GO_ON = 0
    SAVE = 1
    STOP = 2


class StateKeeper(TrainerCallback):
    """Lets the trainer save when it is time, and save and stop when the process is to end. Seals what it saves.

    Args:
        multiple: training stops and saves at multiples of this step only, and after the last step.
        terminated: whether the process is to end.
    """

    def __init__(self, multiple: int, terminated: Callable[[], bool]) -> None:
        self._multiple, self._terminated, self._clock = multiple, terminated, SaveClock()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Called by the trainer when it has loaded the state it goes on from."""
        self._clock.restart()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Called by the trainer after a step, before it logs and saves."""
        if state.global_step % self._multiple == 0:
            # clocks differ, and one process may be told before the others
            wish = greatest(self._wish(), args.device)
            control.should_save |= wish >= Wish.SAVE
            control.should_training_stop |= wish == Wish.STOP
        # the outputs may not fit on the disk
        control.should_save |= state.global_step >= state.max_steps

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Called by the trainer after it has written its state."""
        greatest(0, args.device)
        if is_first_process():
            seal(snapshot_path(Path(args.output_dir), state.global_step))
        # a process that ends now must not take the first one with it
        greatest(0, args.device)
        self._clock.restart()

    def _wish(self) -> Wish:
        is_due = self._clock.is_due()
        if self._terminated():
            return Wish.STOP
        return Wish.SAVE if is_due else Wish.GO_ON


def train_resumably(trainer: Trainer, *, multiple: int = 1) -> None:
    """Train from the state in the trainer's output folder, if there is one, saving it as `SaveClock` says.

    The last step is saved, too.

    Args:
        trainer: it logs every step.
        multiple: steps that must not be parted by a save.

    Raises:
        SystemExit: SIGTERM has come; the step was finished and its state saved.
    """
    args, folder = trainer.args, Path(trainer.args.output_dir)
    # the first process looks for all
    step = greatest(newest_step(folder) if is_first_process() else 0, args.device)
    snapshot = snapshot_path(folder, step) if step else None
    if snapshot:
        print(f"going on from {snapshot}", flush=True)
        if _is_at_end(trainer, snapshot):
            return
    # the trainer itself would save by steps
    args.set_save(strategy="no")
    with termination_noted() as terminated:
        trainer.add_callback(StateKeeper(multiple, terminated))
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
