"""Token sequences to train on, and batches of them."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from safelrm.core.errors import SafeLRMError
from safelrm.nano.settings import TemplateArguments

IGNORED = -100


@dataclass(frozen=True)
class Example:
    """Token ids and the first position that is in the loss."""

    ids: tuple[int, ...]
    loss_from: int


def encode_texts(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[Example]:
    """Plain texts, each closed by the end token; all of it is in the loss."""
    end = tokenizer.eos_token_id
    return [Example((*ids, end), 0) for ids in tokenizer(list(texts))["input_ids"]]


def encode_dialogues(
    tokenizer: PreTrainedTokenizerFast,
    prompts: Iterable[str],
    responses: Iterable[str],
    template_arguments: TemplateArguments,
) -> list[Example]:
    """One-turn dialogues in the tokenizer's chat template; what the model itself generates is in the loss.

    Raises:
        SafeLRMError: a response does not go on from the generation prompt, so that the model would be
            trained on other text than it generates.
    """
    users = [[{"role": "user", "content": prompt}] for prompt in prompts]
    turns = [
        [*user, {"role": "assistant", "content": response}] for user, response in zip(users, responses, strict=True)
    ]
    arguments = {"return_dict": True, **template_arguments}
    starts = tokenizer.apply_chat_template(users, add_generation_prompt=True, **arguments)["input_ids"]
    wholes = tokenizer.apply_chat_template(turns, **arguments)["input_ids"]
    examples = []
    for row, (start, whole) in enumerate(zip(starts, wholes, strict=True)):
        if whole[: len(start)] != start:
            raise SafeLRMError(
                f"dialogue {row} of its kind does not begin as the chat template's generation prompt ends",
                key="text",
                fix="begin the responses of the corpus with the tag that the template opens",
            )
        examples.append(Example(tuple(whole), len(start)))
    return examples


def draw_batches(
    pools: Mapping[str, Sequence[Example]], mixture: Mapping[str, float], batch_size: int, rng: random.Random
) -> Iterator[list[Example]]:
    """Endless batches whose examples are of kind k with a probability proportional to `mixture[k]`.

    Raises:
        SafeLRMError: the mixture names a kind of which there are no examples.
    """
    missing = sorted(kind for kind in mixture if not pools.get(kind))
    if missing:
        raise SafeLRMError(
            f"there is no text of kind {missing}", key="mixture", fix=f"use kinds of {sorted(pools)}, or add such text"
        )
    kinds, weights = [*mixture], [*mixture.values()]
    while True:
        yield [rng.choice(pools[kind]) for kind in rng.choices(kinds, weights, k=batch_size)]


def collate(batch: Sequence[Example], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Input ids and labels, both (batch, longest), padded on the right.

    Labels are not shifted. Padding needs no attention mask: it follows all that is in the loss.
    """
    longest = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), longest), pad)
    labels = torch.full((len(batch), longest), IGNORED)
    for row, example in enumerate(batch):
        tokens = torch.tensor(example.ids)
        ids[row, : len(tokens)] = tokens
        labels[row, example.loss_from : len(tokens)] = tokens[example.loss_from :]
    return ids, labels
