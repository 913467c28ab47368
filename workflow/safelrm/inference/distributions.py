"""The distributions from which models draw the tokens of given texts: how uncertain they are, and how far they differ.

Forward passes of transformers make them, over the whole vocabulary.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from transformers.modeling_outputs import MoeModelOutputWithPast

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# logits in float32 that are held of a model at a time: 64 MiB
TILE_VALUES = 1 << 24


class TokenDistributions(NamedTuple):
    """The distributions at the places of a text's tokens, in nats; each of shape (tokens,).

    Attributes:
        entropy: the entropy of the model's distribution.
        base_entropy: that of the base's after the same tokens; None without a base.
        divergence: the Kullback-Leibler divergence of the model's distribution from the base's; None without a base.
    """

    entropy: np.ndarray
    base_entropy: np.ndarray | None
    divergence: np.ndarray | None


def token_distributions(
    model: "PreTrainedModel",
    base: "PreTrainedModel | None",
    sequences: Sequence[Sequence[int]],
    begins: Sequence[int],
    temperatures: Sequence[float],
    *,
    batch_tokens: int,
) -> list[TokenDistributions]:
    """The distributions over the vocabulary from which each token from a place on is drawn, given all tokens before it.

    With the logits z and the temperature T, a distribution is p = softmax(z / T) over the whole vocabulary. Its entropy
    is -sum_v p_v log p_v, and its divergence from the base's q is sum_v p_v log(p_v / q_v). Both are taken in float32,
    in tiles of at most `TILE_VALUES` logits of each model.

    Args:
        model: the model, on its device.
        base: a model with the same vocabulary, on the same device.
        sequences: token ids of each text.
        begins: the place of the first token of each text that is asked about, at least 1.
        temperatures: the temperature of each text.
        batch_tokens: tokens of a pass, padding included; a longer text has a pass of its own.
    """
    questions = [
        (tuple(ids), begin, temperature)
        for ids, begin, temperature in zip(sequences, begins, temperatures, strict=True)
    ]
    found: dict[Question, TokenDistributions] = {}
    for batch in _passes(sorted(set(questions), key=lambda question: (len(question[0]), question)), batch_tokens):
        found |= zip(batch, _distributions(model, base, batch), strict=True)
    return [found[question] for question in questions]


# token ids of a text, the place of the first token that is asked about, and the temperature
Question = tuple[tuple[int, ...], int, float]


def _passes(questions: Sequence[Question], limit: int) -> Iterator[Sequence[Question]]:
    """Questions, which come by length, as many in a pass as `limit` allows once they are padded, and at least one."""
    first = 0
    for place in range(1, len(questions) + 1):
        is_last = place == len(questions)
        if is_last or (place + 1 - first) * len(questions[place][0]) > limit:
            yield questions[first:place]
            first = place


@torch.inference_mode()
def _distributions(
    model: "PreTrainedModel", base: "PreTrainedModel | None", batch: Sequence[Question]
) -> Iterator[TokenDistributions]:
    width = max(len(ids) for ids, _, _ in batch)
    tokens, asked = torch.zeros((2, len(batch), width), dtype=torch.long, device=model.device)
    seen = torch.zeros_like(tokens)
    for row, (ids, begin, _) in enumerate(batch):
        tokens[row, : len(ids)] = torch.tensor(ids)
        seen[row, : len(ids)] = 1
        # what stands at a place says what comes next
        asked[row, begin - 1 : len(ids) - 1] = 1
    lengths = [len(ids) - begin for ids, begin, _ in batch]
    heats = np.repeat([temperature for *_, temperature in batch], lengths)
    heat = torch.tensor(heats, dtype=torch.float32, device=model.device).unsqueeze(1)
    readers = [reader for reader in (model, base) if reader is not None]
    states = [
        reader.base_model(input_ids=tokens, attention_mask=seen, use_cache=False).last_hidden_state[asked.bool()]
        for reader in readers
    ]
    rows = max(1, TILE_VALUES // model.get_output_embeddings().weight.shape[0])
    tiles = [
        _tile([_logits(reader, state) / part for reader, state in zip(readers, of_readers, strict=True)])
        for part, *of_readers in zip(heat.split(rows), *(state.split(rows) for state in states), strict=True)
    ]
    values = torch.cat(tiles, dim=1).cpu().numpy() if tiles else np.zeros((1 if base is None else 3, 0))
    for of_text in np.split(values, np.cumsum(lengths)[:-1], axis=1):
        yield TokenDistributions(*of_text) if base is not None else TokenDistributions(of_text[0], None, None)


def _logits(model: "PreTrainedModel", states: torch.Tensor) -> torch.Tensor:
    """The logits in float32 that belong to hidden states, of shape (places, vocabulary).

    The model's own pass makes them, and with them whatever its architecture does to logits (scales, caps). Its body is
    told to give the states that it has computed before.
    """
    body = model.base_model
    body.forward = lambda *_, **__: MoeModelOutputWithPast(last_hidden_state=states.unsqueeze(0))
    try:
        nothing = torch.zeros((1, len(states)), dtype=torch.long, device=states.device)
        return model(input_ids=nothing, use_cache=False).logits[0].float()
    finally:
        # the attribute hides the method of the class
        del body.forward


def _tile(logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """Entropies of one model or of two, and the divergence of the first from the second: (1 or 3, places)."""
    logs = [of_model.log_softmax(dim=1) for of_model in logits]
    shares = [of_model.exp() for of_model in logs]
    found = [torch.special.entr(share).sum(dim=1) for share in shares]
    if len(logs) > 1:
        # what has no share counts for nothing, also where both logarithms are infinite
        found.append(torch.where(shares[0] > 0, shares[0] * (logs[0] - logs[1]), 0.0).sum(dim=1))
    # rounding may lead below 0
    return torch.stack(found).clamp(min=0.0)
