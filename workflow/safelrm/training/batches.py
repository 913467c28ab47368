"""Which rows a step of SFT takes, how they lie in a batch, and how many tokens are trained on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import PreTrainedModel, Trainer
from transformers.trainer_pt_utils import get_length_grouped_indices
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from safelrm.core.errors import SafeLRMError
from safelrm.training.counts import TOKENS_TRAINED
from safelrm.training.processes import process_count

# rows of a trial, in tokens, and the change of a logit that rounding explains, as a share of the greatest logit
TRIAL, ROUNDING = (5, 7), 1e-2
PADDING = "padding_share"


class LengthSampler(Sampler[int]):
    """Rows in batches of nearly one length, in another order in each epoch.

    transformers' own `group_by_length` draws from the random numbers of the process, and forms its groups from the
    batch of one process. A resumed run, or one of several processes, would take other rows in a step.

    Args:
        lengths: tokens of each row.
        step_size: rows of an optimiser step, of all processes together.
        seed: the same number gives the same order.
        trainer: says which epoch it is.
    """

    def __init__(self, lengths: Sequence[int], step_size: int, *, seed: int, trainer: Trainer) -> None:
        self._lengths, self._step_size, self._seed, self._trainer = lengths, step_size, seed, trainer

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        steps_per_epoch = -(-len(self) // self._step_size)
        # accelerate does not tell every sampler the epoch that a resumed run is in
        epoch = self._trainer.state.global_step // steps_per_epoch
        generator = torch.Generator().manual_seed(self._seed + epoch)
        rows = get_length_grouped_indices(self._lengths, self._step_size, generator=generator)
        steps = [rows[start : start + self._step_size] for start in range(0, len(rows), self._step_size)]
        # the groups begin with their longest rows; steps must not grow shorter one by one. A short step stays last
        last = [steps.pop()] if len(steps[-1]) < self._step_size else []
        shuffled = [steps[number] for number in torch.randperm(len(steps), generator=generator)]
        return iter([row for step in (*shuffled, *last) for row in step])


class BatchesByLength:
    """A trainer of TRL whose steps may take rows of nearly one length. Name it before the trainer's class.

    Args:
        by_length: whether they do; otherwise a step takes any rows.
        given: what the trainer takes.
    """

    def __init__(self, *, by_length: bool, **given: Any) -> None:
        self._by_length = by_length
        super().__init__(**given)

    def row_lengths(self) -> list[int]:
        """Tokens of each row of `train_dataset`, as far as its batch must be padded for it."""
        return [len(ids) for ids in self.train_dataset["input_ids"]]

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler | None:
        if not self._by_length:
            return super()._get_train_sampler(train_dataset)
        step_size = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
        return LengthSampler(self.row_lengths(), step_size * process_count(), seed=self.args.data_seed, trainer=self)


class CountsTokens:
    """A trainer of TRL that logs, for each step, what its passes have seen. Name it before the trainer's class.

    `tokens_trained` counts the tokens of all passes of all processes so far, without padding: prompts and responses,
    each as often as it is trained on. `padding_share` is the share of padding in the positions of the step's passes.
    """

    _seen: torch.Tensor | None = None

    def compute_loss(self, model: torch.nn.Module, inputs: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Called by the trainer for each pass."""
        mask = inputs.get("attention_mask")
        positions = inputs["input_ids"].numel()
        tokens = positions if mask is None else mask.sum()
        counts = torch.stack([torch.as_tensor(count, device=self.args.device) for count in (tokens, positions)])
        self._seen = counts if self._seen is None else self._seen + counts
        return super().compute_loss(model, inputs, *args, **kwargs)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Called by the trainer after each step, and at the end."""
        if self._seen is not None:
            tokens, positions = self.accelerator.reduce(self._seen, reduction="sum").tolist()
            self._seen = None
            before = next(
                (entry[TOKENS_TRAINED] for entry in reversed(self.state.log_history) if TOKENS_TRAINED in entry), 0
            )
            logs |= {TOKENS_TRAINED: before + tokens, PADDING: 1.0 - tokens / positions}
        super().log(logs, *args, **kwargs)


def require_separate_rows(model: PreTrainedModel) -> None:
    """Refuse a model whose logits of a row depend on the rows that lie before it in the same sequence.

    Attention layers tell rows apart by their positions. Layers with a state (Mamba) need kernels that take the bounds
    of rows; without these kernels they carry the state of one row into the next.

    Args:
        model: the model, before it is trained.

    Raises:
        SafeLRMError: rows are mixed.
    """
    first, second = ([number + 1 for number in range(length)] for length in TRIAL)
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    inputs = collate([{"input_ids": row} for row in (first[::-1], second)])
    inputs = {name: value for name, value in inputs.items() if name != "labels"}
    was_training = model.training
    model.eval()
    with torch.no_grad():
        together = model(**inputs, use_cache=False).logits[0, len(first) :]
        alone = model(input_ids=torch.tensor([second]), use_cache=False).logits[0]
    model.train(was_training)
    if (together - alone).abs().max() > ROUNDING * alone.abs().max():
        raise SafeLRMError(
            "rows that lie end to end in a sequence change each other in this model",
            key="padding_free",
            fix="leave it out, and set `batching: by_length` for little padding",
        )
