"""Log-probabilities of the tokens of given texts under a model, by forward passes of transformers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def token_log_probabilities(
    model: "PreTrainedModel", sequences: Sequence[Sequence[int]], begins: Sequence[int], *, batch_tokens: int
) -> list[list[float]]:
    """The log-probability in nats of each token from a place on, given all tokens before it.

    Equal sequences are read once. Sequences of similar length share a pass and are padded on the right, which no token
    before the padding sees.

    Args:
        model: the model, on its device.
        sequences: token ids of each text.
        begins: the place of the first token of each text whose log-probability is asked for, at least 1.
        batch_tokens: tokens of a pass, padding included; a longer text has a pass of its own.
    """
    unique = {(tuple(ids), begin): place for place, (ids, begin) in enumerate(zip(sequences, begins, strict=True))}
    asked = sorted(unique, key=lambda question: len(question[0]))
    found: dict[tuple[tuple[int, ...], int], list[float]] = {}
    for batch in _batches(asked, batch_tokens):
        found |= zip(batch, _read(model, batch), strict=True)
    return [found[tuple(ids), begin] for ids, begin in zip(sequences, begins, strict=True)]


Question = tuple[tuple[int, ...], int]


def _batches(questions: Sequence[Question], limit: int) -> Iterator[list[Question]]:
    """Questions, which come by length, in batches that hold at most `limit` tokens once they are padded."""
    batch: list[Question] = []
    for question in questions:
        if batch and (len(batch) + 1) * len(question[0]) > limit:
            yield batch
            batch = []
        batch.append(question)
    if batch:
        yield batch


@torch.inference_mode()
def _read(model: "PreTrainedModel", batch: Sequence[Question]) -> Iterator[list[float]]:
    width = max(len(ids) for ids, _ in batch)
    padded = [[*ids, *[0] * (width - len(ids))] for ids, _ in batch]
    mask = [[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in batch]
    tokens, seen = torch.tensor(padded, device=model.device), torch.tensor(mask, device=model.device)
    logits = model(input_ids=tokens, attention_mask=seen, use_cache=False).logits
    for row, (ids, begin) in enumerate(batch):
        # the logits at a place are those of the next token
        scores = logits[row, begin - 1 : len(ids) - 1].float()
        chosen = scores.gather(1, tokens[row, begin : len(ids)].unsqueeze(1)).squeeze(1)
        yield (chosen - scores.logsumexp(dim=1)).tolist()
