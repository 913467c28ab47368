"""Model factory: a generative guard. Asked about a prompt and a text, it answers with the word safe or unsafe.

1. The guard learns what words mean from the facts of the corpus.
2. It learns what is harmful from labelled texts, while its word embeddings stay as they are. So it can judge words that
   no labelled text names.
3. Its probe asks about words that are kept out of the labelled texts of its training.

The study asks and reads it like any guard (inference/settings.py): prompt and text go through its chat template, and
the next token is the label.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed, seed_everything
from safelrm.nano.pretraining.examples import Example, encode_texts
from safelrm.nano.pretraining.label_probe import FactProbe, LabelProbe, encode_labels
from safelrm.nano.pretraining.loop import train
from safelrm.nano.pretraining.models import TrainedModel, new_model
from safelrm.nano.schemas import CORPUS, GUARD_LABELS
from safelrm.nano.settings import GuardTrainingSettings as Settings
from safelrm.nano.world.lexicon import THINGS, VERBS
from safelrm.nano.world.tokenizer import build_tokenizer

__all__ = ["INPUTS", "Settings", "make"]

INPUTS = ("corpus", "labels")
FACT, LABELS = "fact", "labels"


def make(settings: Settings, inputs: Mapping[str, Path], seed: int, work: Path) -> tuple[TrainedModel, pd.DataFrame]:
    """Train a guard on a table CORPUS (facts about the words) and a table GUARD_LABELS; see `train_guard`."""
    corpus, labels = CORPUS.read(inputs["corpus"]), GUARD_LABELS.read(inputs["labels"])
    guard, tokenizer, curve = train_guard(settings, corpus, labels, seed, work)
    return TrainedModel(guard, tokenizer), curve


def train_guard(
    settings: Settings, corpus: pd.DataFrame, labels: pd.DataFrame, seed: int, work: Path
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast, pd.DataFrame]:
    """Train a guard.

    Args:
        settings: what to train and how.
        corpus: rows of the table CORPUS; its dialogues are not used.
        labels: rows of the table GUARD_LABELS; those that name some words, the same for all seeds, are for the probe.
        seed: seed of the weights and of the order of examples.
        work: folder of the state, from which a killed run goes on.

    Returns:
        The guard, its tokenizer, and the training curve as rows of CURVES.

    Raises:
        SafeLRMError: training diverged, or the probe was not passed.
    """
    tokenizer = build_tokenizer("guard")
    training, heldout = split_labels(labels, settings)
    pools = _plain_text(tokenizer, corpus)
    facts = FactProbe(tokenizer, list(corpus.text[corpus.kind == FACT]))
    pools[LABELS] = encode_labels(tokenizer, training)
    probe = LabelProbe(tokenizer, heldout.head(settings.probe.size))
    seed_everything(seed)
    model = new_model(settings.architecture, tokenizer)
    knowing, first = train(
        model,
        pools,
        settings.facts,
        settings.facts_probe,
        facts,
        seed=derive_seed("guard_facts", seed),
        work=work / "facts",
    )
    knowing.requires_grad_(True)
    # labels would teach each word by itself what the facts say of all words, and other words would not profit
    knowing.get_input_embeddings().requires_grad_(False)
    guard, second = train(
        knowing,
        pools,
        settings.optimisation,
        settings.probe,
        probe,
        seed=derive_seed("guard", seed),
        work=work / "labels",
    )
    curve = pd.concat([first, second.assign(step=second.step + first.step.max())], ignore_index=True)
    return guard, tokenizer, curve


def split_labels(labels: pd.DataFrame, settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The labelled texts for training, and those for the probe: the ones that name a word kept out of training.

    Raises:
        SafeLRMError: a side is empty.
    """
    words = heldout_words(settings)
    named = [not words.isdisjoint(f"{row.prompt} {row.response}".split()) for row in labels.itertuples()]
    heldout = pd.Series(named, index=labels.index, dtype=bool)
    if heldout.all() or not heldout.any():
        raise SafeLRMError(
            f"of {len(labels)} labelled texts, {heldout.sum()} would be kept for the probe",
            key="heldout_things",
            fix="keep fewer words from training, or label more texts",
        )
    return labels[~heldout], labels[heldout]


def heldout_words(settings: Settings) -> set[str]:
    """Words of the train split that no labelled text of the training names, of either attribute as many."""
    things = [(entry.word, entry.sealed) for entry in THINGS.values() if entry.split == "train"]
    verbs = [(entry.word, entry.handling) for entry in VERBS.values() if entry.split == "train"]
    return _some(things, settings.heldout_things) | _some(verbs, settings.heldout_verbs)


def _some(words: list[tuple[str, bool]], number: int) -> set[str]:
    drawn = sorted(words, key=lambda entry: derive_seed("guard_probe", entry[0]))
    having, lacking = ([word for word, has in drawn if has == attribute] for attribute in (True, False))
    return {*having[: number - number // 2], *lacking[: number // 2]}


def _plain_text(tokenizer: PreTrainedTokenizerFast, corpus: pd.DataFrame) -> dict[str, list[Example]]:
    plain = corpus[corpus.prompt.isna()]
    return {str(kind): encode_texts(tokenizer, list(rows.text)) for kind, rows in plain.groupby("kind")}
