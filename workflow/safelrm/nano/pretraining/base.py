"""Model factory: a base model trained from scratch on the nano world's corpus."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from safelrm.core.seeds import derive_seed, seed_everything
from safelrm.nano.pretraining.examples import Example, encode_dialogues, encode_texts
from safelrm.nano.pretraining.loop import train
from safelrm.nano.pretraining.models import TrainedModel, new_model
from safelrm.nano.pretraining.probes import BaseProbe
from safelrm.nano.schemas import CORPUS
from safelrm.nano.settings import ScratchSettings as Settings
from safelrm.nano.settings import TemplateArguments
from safelrm.nano.world.dialects import DIALECTS
from safelrm.nano.world.tokenizer import build_tokenizer

__all__ = ["INPUTS", "Settings", "make"]

INPUTS = ("corpus",)


def make(settings: Settings, inputs: Mapping[str, Path], seed: int, work: Path) -> tuple[TrainedModel, pd.DataFrame]:
    """Train a base model on a table CORPUS; see `train_base`."""
    model, tokenizer, curve = train_base(settings, CORPUS.read(inputs["corpus"]), seed, work)
    return TrainedModel(model, tokenizer), curve


def train_base(
    settings: Settings, corpus: pd.DataFrame, seed: int, work: Path
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast, pd.DataFrame]:
    """Train a base model.

    Args:
        settings: what to train and how.
        corpus: rows of the table CORPUS.
        seed: seed of the weights and of the order of examples. The probe's prompts are the same for all seeds.
        work: folder of the state, from which a killed run goes on.

    Returns:
        The model, its tokenizer, and the training curve as rows of CURVES.

    Raises:
        SafeLRMError: training diverged, or the held-out probe was not passed.
    """
    tokenizer = build_tokenizer(settings.template)
    pools = encode_corpus(tokenizer, corpus, settings.template_arguments)
    seed_everything(seed)
    model = new_model(settings.architecture, tokenizer)
    probe = BaseProbe(
        tokenizer,
        DIALECTS[settings.dialect],
        settings.template_arguments,
        settings.probe.measures,
        settings.probe.size,
    )
    trained, curve = train(
        model, pools, settings.optimisation, settings.probe, probe, seed=derive_seed("base", seed), work=work
    )
    return trained, tokenizer, curve


def encode_corpus(
    tokenizer: PreTrainedTokenizerFast, corpus: pd.DataFrame, template_arguments: Mapping[str, TemplateArguments]
) -> dict[str, list[Example]]:
    """The examples of a corpus by kind; rows without a prompt are plain text.

    Args:
        tokenizer: with the chat template of the dialogues.
        corpus: rows of the table CORPUS.
        template_arguments: arguments of the chat template by kind.
    """
    pools = {}
    for kind, rows in corpus.groupby("kind"):
        plain = rows.prompt.isna()
        texts, dialogues = rows[plain], rows[~plain]
        pools[str(kind)] = encode_texts(tokenizer, texts.text) if len(texts) else []
        if len(dialogues):
            arguments = template_arguments.get(str(kind), {})
            pools[str(kind)] += encode_dialogues(tokenizer, dialogues.prompt, dialogues.text, arguments)
    return pools
