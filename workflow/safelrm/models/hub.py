"""The tokenizer of a fetched model, as its `tokenizer.json` says.

`tokenizer_config.json` may name a class that is not the file's: the R1-Distill models name Llama's, and of those whose
architecture is Llama's, transformers then makes a tokenizer that drops white space, without a word. So what it makes
is compared with the file.

Model factory: a checkpoint from what was fetched from a hub. Nothing is trained, no code from there is run.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, GenerationConfig, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from safelrm.core.checkpoints import verified_download
from safelrm.core.errors import SafeLRMError
from safelrm.inference.chat import load_tokenizer
from safelrm.models.schemas import CURVES
from safelrm.models.settings import HubSettings as Settings
from safelrm.models.templates import own_template, settled, trainable

# words, numbers, white space of all kinds, punctuation, scripts, and the tags of traces
SAMPLE = (
    "<think>\nWell, it's 1234.5 + x_1 =  7?\n\n\tNo: «déjà vu», 你好, \u00a0Ω≠ω 👍</think>\n\n**Sorry** — I can't.  "
)
FILE = "tokenizer.json"


def faithful_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder.

    Raises:
        SafeLRMError: transformers makes no tokenizer of the folder that reads text as the file does.
    """
    tokenizer = load_tokenizer(folder)
    if not (folder / FILE).is_file():
        return tokenizer
    reference = Tokenizer.from_file(str(folder / FILE))
    reference.no_truncation()
    expected = reference.encode(SAMPLE, add_special_tokens=False).ids
    for candidate in (tokenizer, PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)):
        if candidate(SAMPLE, add_special_tokens=False)["input_ids"] == expected:
            return candidate
    raise SafeLRMError(
        "the installed transformers reads text otherwise than this file says",
        file=folder / FILE,
        fix="name another model, or another version of transformers in the lock",
    )


__all__ = ["INPUTS", "Settings", "make"]

INPUTS = ("hub",)
CONFIG, GENERATION, WEIGHTS, INDEX = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
)
OF_TOKENIZER = ("chat_template.jinja", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True)
class FetchedModel:
    """A model as it was fetched, and the tokenizer that it is to have."""

    origin: Path
    tokenizer: PreTrainedTokenizerBase

    def save(self, folder: Path) -> None:
        """Write the files of a checkpoint: the very tensors of the hub, in one file."""
        folder.mkdir()
        join_weights(self.origin, folder / WEIGHTS)
        shutil.copyfile(self.origin / CONFIG, folder / CONFIG)
        self._generation().save_pretrained(folder)
        with tempfile.TemporaryDirectory() as beside:
            self.tokenizer.save_pretrained(beside)
            for name in OF_TOKENIZER:
                shutil.copyfile(Path(beside) / name, folder / name)

    def _generation(self) -> GenerationConfig:
        """What ends a completion, as the hub says; nothing else is set, since decoding is the caller's."""
        if (self.origin / GENERATION).is_file():
            said = GenerationConfig.from_pretrained(self.origin)
        else:
            said = GenerationConfig.from_model_config(AutoConfig.from_pretrained(self.origin, local_files_only=True))
        return GenerationConfig(
            eos_token_id=self.tokenizer.eos_token_id if said.eos_token_id is None else said.eos_token_id,
            pad_token_id=said.pad_token_id if self.tokenizer.pad_token_id is None else self.tokenizer.pad_token_id,
            bos_token_id=said.bos_token_id,
        )


def make(settings: Settings, inputs: Mapping[str, Path], seed: int, work: Path) -> tuple[FetchedModel, pd.DataFrame]:
    """The model whose manifest of fetched files is `inputs["hub"]`, and an empty training curve.

    Raises:
        SafeLRMError: a file is not the one that was fetched, the architecture is not known without the repository's
            own code, or there is no chat template to work with.
    """
    folder = verified_download(inputs["hub"], settings.revision)
    _check_architecture(folder)
    tokenizer = faithful_tokenizer(folder)
    template = settled(own_template(tokenizer), settings.template_arguments)
    tokenizer.chat_template = trainable(template, tokenizer) if settings.chat_template else template
    return FetchedModel(folder, tokenizer), pd.DataFrame(columns=CURVES.schema.names)


def join_weights(folder: Path, target: Path) -> None:
    """Write the weights of a folder, in one file or in several with an index, as one file with the same tensors.

    Raises:
        SafeLRMError: they are not what the index says.
    """
    if (folder / WEIGHTS).is_file():
        shutil.copyfile(folder / WEIGHTS, target)
        return
    index = folder / INDEX
    try:
        places: dict[str, str] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        tensors = {}
        for part in sorted(set(places.values())):
            # the operating system maps the file: it is read when it is written
            tensors |= load_file(folder / part)
    except (OSError, ValueError, KeyError) as error:
        raise SafeLRMError(
            f"the weights cannot be read ({error})", file=index, fix=f"remove {folder} and run again"
        ) from error
    if set(tensors) != set(places):
        raise SafeLRMError(
            "the weights are not the ones that the index lists", file=index, fix="name another revision of the model"
        )
    save_file(tensors, target, metadata={"format": "pt"})


def _check_architecture(folder: Path) -> None:
    try:
        AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError) as error:
        raise SafeLRMError(
            f"the installed transformers does not know this architecture ({str(error).splitlines()[0]})",
            file=folder / CONFIG,
            fix="name another model: code of a repository is never run",
        ) from error
