"""The sampler and the trained model must agree on what they sample from.

vLLM and the trainer compute the same probabilities by different kernels. Some difference is normal, and the importance
ratio corrects it (`vllm.correction`). A large one means that the policy is trained on what another model has sampled.
Where transformers generates, as on a CPU, the weights, the code and the arithmetic are the trainer's own. Then there
is one distribution by construction, and nothing to watch.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from statistics import fmean

from transformers import TrainerState, TrainingArguments

from safelrm.core.errors import SafeLRMError
from safelrm.training.watching import LogWatch

# TRL's name for the mean over tokens of |log-probability of the trained model - log-probability of vLLM|, in nats
DRIFT = "sampling/sampling_logp_difference/mean"
# batches of rollouts in a row
PATIENCE = 3


class DriftWatch(LogWatch):
    """Ends a run whose sampler and trained model differ too much.

    Args:
        limit: the greatest difference of the log-probabilities: nats per token, the mean of a batch.

    Raises:
        SafeLRMError: the difference was greater in each of PATIENCE batches of rollouts in a row.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def look(self, logs: MutableMapping[str, float], state: TrainerState, args: TrainingArguments) -> None:
        """Look at the metrics of a step."""
        if DRIFT in logs:
            check_drift(state.log_history, self._limit, state.global_step)


def check_drift(history: Sequence[Mapping[str, float]], limit: float, step: int) -> None:
    """Make sure that the newest batches of a log are not all above the limit.

    Raises:
        SafeLRMError: they are.
    """
    newest = [entry[DRIFT] for entry in history if DRIFT in entry][-PATIENCE:]
    if len(newest) == PATIENCE and min(newest) > limit:
        raise SafeLRMError(
            f"step {step}: the log-probabilities of vLLM and of the trained model differ by {fmean(newest):.3g} nats"
            f" per token in the last {PATIENCE} batches of rollouts, more than {limit:g}",
            key="vllm.max_logprob_drift",
            fix="if the curve's `engine_logprob_difference_mean` is large from step 1, the two compute in another way:"
            " give both one arithmetic (`precision: bfloat16`), and compare the versions of vLLM and TRL with the lock;"
            " if it grows from step to step, lower `learning_rate`; in a mixture of experts, whose routers differ, mask"
            " the tokens that differ (`vllm.correction: token_mask`); or leave `vllm` out, or raise this limit",
        )
