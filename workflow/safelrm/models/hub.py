"""Model factory: a checkpoint from the files that were fetched from a hub.

Nothing is trained, and no code from the hub is run. The weights stay as they are. The tokenizer is checked
(`faithful_tokenizer`), and its chat template is settled (models/templates.py).
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    GenerationConfig,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from safelrm.core.checkpoints import verified_download
from safelrm.core.errors import SafeLRMError
from safelrm.core.trace_formats import declared
from safelrm.inference.chat import load_tokenizer
from safelrm.models.files import CONFIG, INDEX, TOKENIZER, WEIGHTS, listed_weights, weight_files
from safelrm.models.schemas import CURVES
from safelrm.models.settings import FolderSettings
from safelrm.models.settings import HubSettings as Settings
from safelrm.models.templates import own_template, settled, trainable

__all__ = ["INPUTS", "Settings", "make"]

INPUTS = ("hub",)
GENERATION = "generation_config.json"
TOKENIZER_FILES = ("chat_template.jinja", TOKENIZER, "tokenizer_config.json")
# words, numbers, white space of all kinds, punctuation, scripts, and the tags of traces
SAMPLE = (
    "<think>\nWell, it's 1234.5 + x_1 =  7?\n\n\tNo: «déjà vu», 你好, \u00a0Ω≠ω 👍</think>\n\n**Sorry** — I can't.  "
)


def make(settings: Settings, inputs: Mapping[str, Path], seed: int, work: Path) -> tuple["SavedModel", pd.DataFrame]:
    """The model whose manifest of fetched files is `inputs["hub"]`, and an empty training curve.

    Raises:
        SafeLRMError: a file is not the one that was fetched, or no checkpoint can be made of them.
    """
    return checkpoint_of(verified_download(inputs["hub"], settings.revision), settings)


def checkpoint_of(folder: Path, settings: FolderSettings) -> tuple["SavedModel", pd.DataFrame]:
    """The model in a folder, and an empty training curve.

    Raises:
        SafeLRMError: it is no causal language model that transformers knows, transformers reads text otherwise than the
            tokenizer's file, or the model has no chat template that can be used.
    """
    _check_architecture(folder)
    tokenizer = faithful_tokenizer(folder)
    template = settled(own_template(tokenizer), settings.template_arguments)
    if settings.trace_format is not None:
        chosen = settings.trace_format
        template = declared(template, chosen if isinstance(chosen, str) else chosen.model_dump())
    tokenizer.chat_template = trainable(template, tokenizer) if settings.chat_template else template
    return SavedModel(folder, tokenizer), pd.DataFrame(columns=CURVES.schema.names)


@dataclass(frozen=True)
class SavedModel:
    """The folder of a model, and the tokenizer that its checkpoint gets."""

    origin: Path
    tokenizer: PreTrainedTokenizerBase

    def save(self, folder: Path) -> None:
        """Write the files of a checkpoint: the same tensors, in one file, with configuration and tokenizer."""
        folder.mkdir()
        join_weights(self.origin, folder / WEIGHTS)
        shutil.copyfile(self.origin / CONFIG, folder / CONFIG)
        self._generation_config().save_pretrained(folder)
        with tempfile.TemporaryDirectory() as beside:
            self.tokenizer.save_pretrained(beside)
            for name in TOKENIZER_FILES:
                shutil.copyfile(Path(beside) / name, folder / name)

    def _generation_config(self) -> GenerationConfig:
        """The tokens that end a completion, from the model. Nothing else is set: the caller decides about decoding."""
        if (self.origin / GENERATION).is_file():
            own = GenerationConfig.from_pretrained(self.origin)
        else:
            own = GenerationConfig.from_model_config(AutoConfig.from_pretrained(self.origin, local_files_only=True))
        return GenerationConfig(
            eos_token_id=self.tokenizer.eos_token_id if own.eos_token_id is None else own.eos_token_id,
            pad_token_id=own.pad_token_id if self.tokenizer.pad_token_id is None else self.tokenizer.pad_token_id,
            bos_token_id=own.bos_token_id,
        )


def faithful_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """A tokenizer that reads text as the folder's `tokenizer.json` says.

    `tokenizer_config.json` may name a class that does not fit the file. The R1-Distill models name Llama's class; for
    those with Llama's architecture, transformers then makes a tokenizer that drops white space, without a warning.

    Raises:
        SafeLRMError: transformers makes no tokenizer of the folder that reads text as the file does.
    """
    tokenizer = load_tokenizer(folder)
    if not (folder / TOKENIZER).is_file():
        return tokenizer
    reference = Tokenizer.from_file(str(folder / TOKENIZER))
    reference.no_truncation()
    expected = reference.encode(SAMPLE, add_special_tokens=False).ids
    for candidate in (tokenizer, PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)):
        if candidate(SAMPLE, add_special_tokens=False)["input_ids"] == expected:
            return candidate
    raise SafeLRMError(
        "the installed transformers reads text otherwise than this file says",
        file=folder / TOKENIZER,
        fix="name another model, or another version of transformers in the lock",
    )


def join_weights(folder: Path, target: Path) -> None:
    """Write the weights of a folder as one file with the same tensors. They may lie in several files with an index.

    Raises:
        SafeLRMError: the weights cannot be read, or are not those that the index lists.
    """
    files = weight_files(folder)
    if files == [folder / WEIGHTS]:
        shutil.copyfile(folder / WEIGHTS, target)
        return
    tensors = {}
    try:
        for part in files:
            # the operating system maps the file, so its tensors are read only when they are written
            tensors |= load_file(part)
    except (OSError, ValueError, SafetensorError) as error:
        raise SafeLRMError(
            f"the weights cannot be read ({error})", file=part, fix="copy or fetch the model again"
        ) from error
    if set(tensors) != set(listed_weights(folder)):
        raise SafeLRMError(
            "the weights are not the ones that the index lists",
            file=folder / INDEX,
            fix="name another revision of the model, or copy it again",
        )
    save_file(tensors, target, metadata={"format": "pt"})


def _check_architecture(folder: Path) -> None:
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError) as error:
        raise SafeLRMError(
            f"the installed transformers does not know this architecture ({str(error).splitlines()[0]})",
            file=folder / CONFIG,
            key="model_type",
            fix="name another model: code of a repository is never run",
        ) from error
    known = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), ())
    classes = {each.__name__.lower() for each in (known if isinstance(known, tuple) else (known,))}
    named = config.architectures or []
    if not classes or (named and not classes & {name.lower() for name in named}):
        raise SafeLRMError(
            f"{', '.join(named) or config.model_type} is no causal language model of transformers",
            file=folder / CONFIG,
            key="architectures",
            fix="name a model that generates text",
        )
