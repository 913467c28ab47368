"""What watches the log of a trainer, step by step."""

from collections.abc import MutableMapping

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class LogWatch(TrainerCallback):
    """A callback that looks at each entry of the log."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """The trainer calls this with the metrics of a step, which it has added to `state.log_history`."""
        self.look(logs if logs is not None else {}, state, args)

    def look(self, logs: MutableMapping[str, float], state: TrainerState, args: TrainingArguments) -> None:
        """Look at the metrics of a step. What was before is in `state.log_history`, which a resumed run has whole."""
        raise NotImplementedError
