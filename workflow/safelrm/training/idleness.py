"""RL that cannot learn: every completion of a group earns the same reward, or every completion is empty.

The advantage is the difference of a reward from the mean of its group. Where all rewards of a group are equal the
policy has no gradient but that of the KL term. A few such groups are normal. A run of nothing else wastes its time.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence

from transformers import TrainerState, TrainingArguments

from safelrm.core.errors import SafeLRMError
from safelrm.training.watching import LogWatch

# TRL's names: the share of groups with equal rewards, the greatest length of a completion in tokens, and the share of
# completions that the token limit cut
EQUAL_GROUPS = "frac_reward_zero_std"
LONGEST, CUT = "completions/max_length", "completions/clipped_ratio"
# batches of rollouts after which there is a warning, and after which a policy that only ends its turn is at its end
WARN_AFTER, EMPTY_AFTER = 10, 3


class IdleWatch(LogWatch):
    """Warns of a run that learns nothing, and ends it.

    Args:
        patience: batches of rollouts in a row with equal rewards in every group after which the run ends; None: it
            goes on.

    Raises:
        SafeLRMError: the run learns nothing.
    """

    def __init__(self, patience: int | None) -> None:
        self._patience = patience

    def look(self, logs: MutableMapping[str, float], state: TrainerState, args: TrainingArguments) -> None:
        """Look at the metrics of a step."""
        # a step on the rollouts of an earlier one has none of its own
        if EQUAL_GROUPS in logs:
            check_idleness(state.log_history, self._patience, state.global_step)


def check_idleness(history: Sequence[Mapping[str, float]], patience: int | None, step: int) -> None:
    """Look at the newest batches of a log.

    Raises:
        SafeLRMError: all completions were empty, or all rewards equal, for too long.
    """
    if _streak(history, lambda entry: entry[LONGEST] <= 1 and entry[CUT] == 0) >= EMPTY_AFTER:
        raise SafeLRMError(
            f"step {step}: every completion of the last {EMPTY_AFTER} batches of rollouts is empty: the policy ends its"
            " turn at once",
            key="learning_rate",
            fix="if it did so from step 1, the model was trained with another chat template: compare a rendered prompt"
            " with the model's card; else lower `learning_rate`, or give `rewards` the term"
            " safelrm.training.rewards.format",
        )
    idle = _streak(history, lambda entry: entry[EQUAL_GROUPS] >= 1)
    problem = f"step {step}: every group has earned equal rewards in the last {idle} batches of rollouts"
    if patience is not None and idle >= patience:
        raise SafeLRMError(
            f"{problem}: the policy learns nothing",
            key="max_idle_batches",
            fix="take prompts that it sometimes fails (`prompt_filter`), let completions differ (`temperature`,"
            " `group_size`), or give `rewards` a term that tells them apart; if it has learnt what there was to learn,"
            " take fewer `steps`; to go on all the same, raise this key or set it to none",
        )
    if idle and idle % WARN_AFTER == 0:
        print(f"warning: {problem}", flush=True)


def _streak(history: Sequence[Mapping[str, float]], holds: Callable[[Mapping[str, float]], bool]) -> int:
    """In how many of the newest batches of rollouts something holds, without a gap."""
    batches = [entry for entry in history if EQUAL_GROUPS in entry]
    return next((place for place, entry in enumerate(reversed(batches)) if not holds(entry)), len(batches))
