"""Tokens of an RL run so far, for comparisons at equal compute: those sampled, and those trained on.

Both come from TRL's log. Padding never counts. A completion counts with its end token.
"""

from collections.abc import Mapping, MutableMapping, Sequence

from transformers import TrainerState, TrainingArguments

from safelrm.training.watching import LogWatch

TOKENS_SAMPLED, TOKENS_TRAINED = "tokens_sampled", "tokens_trained"
# TRL's names: prompt and completion tokens of all batches of rollouts so far, and the mean length of a completion
_SEEN, _MEAN_LENGTH = "num_tokens", "completions/mean_length"


class TokenCount(LogWatch):
    """Adds the counts to the log of each step. It must come before the callbacks that read them.

    What was before is read from the trainer's log, which a resumed run has whole.

    Args:
        sampled_before: tokens that were sampled before the first step.
    """

    def __init__(self, sampled_before: int = 0) -> None:
        self._sampled_before = sampled_before

    def look(self, logs: MutableMapping[str, float], state: TrainerState, args: TrainingArguments) -> None:
        """Look at the metrics of a step."""
        if "loss" not in logs:
            return
        counts = tokens_so_far(state.log_history, args.generation_batch_size, self._sampled_before)
        state.log_history[-1].update(counts)
        logs.update(counts)


def tokens_so_far(history: Sequence[Mapping[str, float]], completions: int, sampled_before: int) -> dict[str, int]:
    """The counts after the last step of a log.

    A batch of rollouts is trained on once in each of its optimiser steps.

    Args:
        history: the trainer's log; its steps but for the last one have the counts.
        completions: number of completions of a batch of rollouts.
        sampled_before: tokens that were sampled before the first step.
    """
    now, before = history[-1], next((entry for entry in reversed(history[:-1]) if TOKENS_TRAINED in entry), {})
    new = round(now.get(_MEAN_LENGTH, 0.0) * completions)
    # the totals of TRL at the ends of this batch and of the one before
    seen = [entry[_SEEN] for entry in history if _SEEN in entry][-2:]
    batch = seen[-1] - (seen[0] if len(seen) == 2 else 0)
    return {
        TOKENS_SAMPLED: before.get(TOKENS_SAMPLED, sampled_before) + new,
        TOKENS_TRAINED: round(before.get(TOKENS_TRAINED, 0) + batch),
    }
