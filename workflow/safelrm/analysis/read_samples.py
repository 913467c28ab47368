"""The distributions of a policy, and of its base, at the tokens of the policy's own samples."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch

from safelrm.analysis.entropy_settings import EntropyJobSettings
from safelrm.analysis.own_samples import OwnSample, own_samples
from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.inference.chat import Chat, load_tokenizer
from safelrm.inference.distributions import TokenDistributions, token_distributions
from safelrm.inference.engine import load_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def read_samples(
    rollouts: pd.DataFrame, folder: Path, base: Path | None, settings: EntropyJobSettings
) -> tuple[list[OwnSample], list[TokenDistributions]]:
    """Each rollout as token ids, and the distributions at the tokens of its completion.

    Args:
        rollouts: rows of ROLLOUTS of one run.
        folder: the model folder of the run.
        base: that of its base, or None.
        settings: how they are read.

    Raises:
        SafeLRMError: a model cannot be loaded, the two have different vocabularies, or a prompt is not the one that was
            asked.
    """
    seed_everything(0)
    chat = Chat(folder)
    samples = own_samples(chat, rollouts, settings.decodings, settings.markers)
    if base is not None and load_tokenizer(base).get_vocab() != chat.tokenizer.get_vocab():
        raise _different(folder, base)
    model, other = _loaded(folder, settings), None if base is None else _loaded(base, settings)
    if other is not None and _words(model) != _words(other):
        raise _different(folder, base)
    asked = zip(rollouts.benchmark, rollouts.decoding, strict=True)
    found = token_distributions(
        model,
        other,
        [sample.ids for sample in samples],
        [sample.prompt for sample in samples],
        [settings.temperatures[benchmark][decoding] for benchmark, decoding in asked],
        batch_tokens=settings.batch_tokens,
    )
    return samples, found


def _loaded(folder: Path, settings: EntropyJobSettings) -> "PreTrainedModel":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return load_model(folder, getattr(torch, settings.dtype)).eval().requires_grad_(False).to(device)


def _words(model: "PreTrainedModel") -> int:
    return model.get_output_embeddings().weight.shape[0]


def _different(folder: Path, base: Path) -> SafeLRMError:
    return SafeLRMError(
        f"its vocabulary is not that of its base {base}, so their distributions cannot be compared",
        file=folder,
        fix="train the arm from this base without a change of the tokenizer, or leave the model out of"
        " `entropies.models`",
    )
