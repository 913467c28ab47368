"""The rows of SFT as its trainer renders them, without a training and without weights.

The trainer itself renders them here: the same class, arguments and rows as in training/supervised.py. Its model has the
shape of the checkpoint and no weights. What `supervised.train` refuses at its first bad row is told of each row here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedModel
from trl import SFTConfig

from safelrm.core.errors import SafeLRMError
from safelrm.inference.chat import Chat
from safelrm.training.modes import Mode, modes_of, prompt_ids
from safelrm.training.policy import Policy
from safelrm.training.processes import trainer_config
from safelrm.training.rendering import IGNORED, check_template
from safelrm.training.rows import SftRow, check_rows, sft_rows, turns_of
from safelrm.training.settings import SftSettings, TemplateArguments
from safelrm.training.supervised import CountingSFTTrainer, sft_arguments


@dataclass(frozen=True)
class RenderedRow:
    """A conversation as training sees it.

    Attributes:
        prompt_id: the row's id.
        ids: token ids of the whole sequence.
        labels: as many labels; IGNORED marks a token without loss.
        prompt_tokens: how many tokens the model is asked with; what it is to generate follows them.
        refusal: why training would refuse the row; None if it would take it.
    """

    prompt_id: str
    ids: list[int]
    labels: list[int]
    prompt_tokens: int
    refusal: str | None = None

    @property
    def learned(self) -> int:
        """How many tokens have loss."""
        return sum(label != IGNORED for label in self.labels)

    @property
    def generated(self) -> list[int]:
        """The places of the tokens that the model is to generate: those with loss after the generation prompt."""
        return [place for place, label in enumerate(self.labels) if label != IGNORED and place >= self.prompt_tokens]


class RenderingTrainer(CountingSFTTrainer):
    """The trainer of SFT with a model that has no weights, and so stays where it is."""

    def _move_model_to_device(self, model: PreTrainedModel, device: torch.device) -> None:
        """Leave the model."""


def weightless_policy(folder: Path) -> Policy:
    """The model of a folder without its weights: its configuration, its tokenizer and its end tokens.

    Raises:
        SafeLRMError: the folder has no configuration of a known model, or no tokenizer with a chat template and an end
            token.
    """
    tokenizer = Chat(folder).tokenizer
    if tokenizer.eos_token_id is None:
        raise SafeLRMError("the tokenizer has no end token", file=folder, key="eos_token", fix="choose a chat model")
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as error:
        problem = f"the configuration is of no causal language model that is known here ({error})"
        raise SafeLRMError(problem, file=folder, fix="name the folder of a model that SFT can train") from error
    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    return Policy(model, tokenizer, folder)


def as_recipe(max_length: int, without_trace: list[str] | None = None) -> SftSettings:
    """A recipe that renders rows of at most `max_length` tokens. What else a recipe says changes no row."""
    modes = without_trace or []
    whatever = {"dataset": "any", "epochs": 1.0, "batch_size": 1, "learning_rate": 1.0}
    return SftSettings.model_validate(whatever | {"max_length": max_length, "decodings": modes, "without_trace": modes})


def rendered_rows(
    conversations: pd.DataFrame,
    policy: Policy,
    settings: SftSettings,
    templates: Mapping[str, TemplateArguments] | None = None,
) -> list[RenderedRow]:
    """Each row of CONVERSATIONS in each decoding mode, in order, as `supervised.train` would train on it.

    Args:
        conversations: rows of CONVERSATIONS.
        policy: the model, with weights or without.
        settings: the recipe.
        templates: the arguments of the chat template for each decoding mode of the recipe.

    Raises:
        SafeLRMError: the chat template does not mark the assistant's tokens, or decoding modes do not go together.
    """
    check_template(policy.tokenizer)
    modes = modes_of(policy.tokenizer, templates or {}, settings.without_trace)
    found = [
        row
        for place in range(len(conversations))
        for row in _rows_of(conversations.iloc[place : place + 1], policy, modes)
    ]
    kept = [row for row in found if isinstance(row, SftRow)]
    if not kept:
        return [row for row in found if isinstance(row, RenderedRow)]
    rendered = iter(_rendered(kept, policy, settings))
    return [_checked(next(rendered), row, policy, settings) if isinstance(row, SftRow) else row for row in found]


def _rows_of(conversation: pd.DataFrame, policy: Policy, modes: Mapping[str, Mode]) -> list[SftRow | RenderedRow]:
    """A conversation in each mode; a row without tokens if it cannot be written so."""
    name = conversation.prompt_id.iat[0]
    try:
        return [*sft_rows(conversation, policy, modes)]
    except SafeLRMError as error:
        return [RenderedRow(name, [], [], 0, _reason(error, name))]


def _rendered(rows: list[SftRow], policy: Policy, settings: SftSettings) -> Dataset:
    """The trainer's own data set."""
    with TemporaryDirectory() as work:
        arguments = sft_arguments(settings, settings.gradient_accumulation, settings.batch_size)
        config = trainer_config(
            SFTConfig, settings, arguments, seed=0, work=Path(work), curve=Path("shown/rows/of.parquet")
        )
        turns = Dataset.from_dict(turns_of(rows))
        given = {"model": policy.model, "processing_class": policy.tokenizer, "args": config, "train_dataset": turns}
        return RenderingTrainer(by_length=False, **given).train_dataset


def _checked(tokens: Mapping[str, list[int]], row: SftRow, policy: Policy, settings: SftSettings) -> RenderedRow:
    ids, labels = list(tokens["input_ids"]), list(tokens["labels"])
    asked = len(prompt_ids(policy.tokenizer, row.prompt, row.template))
    try:
        check_rows([tokens], [row], policy, settings.max_length)
    except SafeLRMError as error:
        return RenderedRow(row.prompt_id, ids, labels, asked, _reason(error, row.prompt_id))
    return RenderedRow(row.prompt_id, ids, labels, asked)


def _reason(error: SafeLRMError, prompt_id: str) -> str:
    return error.problem.removeprefix(f"prompt_id {prompt_id}: ")
