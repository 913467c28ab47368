"""LoRA (Hu et al. 2021) by PEFT: the weights stay as they are, and each chosen layer learns an update of low rank.

The updates start at zero, so the untrained adapter changes nothing. After the training they are added to the weights of
the checkpoint, read anew. So a checkpoint is whole, and no later stage knows of adapters.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save_file
from transformers import PreTrainedModel

from safelrm.core.checkpoints import ADAPTER_FILES, adapter_folder
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path, write_json
from safelrm.inference.engine import load_model
from safelrm.training.settings import LoraSettings

ADAPTER_CONFIG, ADAPTER_WEIGHTS = ADAPTER_FILES
Weights = Mapping[str, torch.Tensor]


def adapter_config(lora: LoraSettings | None, model: PreTrainedModel) -> LoraConfig | None:
    """What PEFT and TRL take for a recipe's settings; None without LoRA.

    Raises:
        SafeLRMError: the settings name a layer that the model does not have.
    """
    if lora is None:
        return None
    targets = lora.target_modules
    if isinstance(targets, list):
        _check_targets(targets, model)
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def _check_targets(targets: list[str], model: PreTrainedModel) -> None:
    """Each name is that of a linear layer. PEFT looks only whether one of the names is found."""
    output = model.get_output_embeddings()
    layers = [name for name, each in model.named_modules() if isinstance(each, torch.nn.Linear) and each is not output]
    for target in targets:
        if not any(f".{name}".endswith(f".{target}") for name in layers):
            raise SafeLRMError(
                f"`{target}` is no linear layer of the model",
                key="lora.target_modules",
                fix=f"choose of {sorted({name.rpartition('.')[2] for name in layers})}, or leave it out: all are taken",
            )


def trained_adapter(model: PeftModel, weights: Weights) -> Weights:
    """The weights of the adapter alone, under the names that PEFT gives them in files.

    Args:
        model: the model with the adapter; it may hold a part of the weights only.
        weights: all its weights.
    """
    # otherwise PEFT compares the vocabulary with that of the base
    return get_peft_model_state_dict(model, state_dict=dict(weights), save_embedding_layers=False)


def merged_weights(folder: Path, config: LoraConfig, adapter: Weights) -> Weights:
    """The float32 weights of the model in a folder, with the updates of an adapter added."""
    model = get_peft_model(load_model(folder, torch.float32), config)
    set_peft_model_state_dict(model, dict(adapter))
    return model.merge_and_unload().state_dict()


def write_adapter(manifest: Path, config: LoraConfig, adapter: Weights) -> None:
    """Write the adapter as PEFT and vLLM load it, beside the checkpoint of a manifest.

    The file names no base model: that is a folder of this study.
    """
    described = config.to_dict() | {"base_model_name_or_path": None, "inference_mode": True}
    # the order of a set differs from process to process
    described = {key: sorted(value) if isinstance(value, set) else value for key, value in described.items()}
    with atomic_path(adapter_folder(manifest)) as folder:
        folder.mkdir()
        save_file({name: each.contiguous() for name, each in adapter.items()}, folder / ADAPTER_WEIGHTS)
        write_json(folder / ADAPTER_CONFIG, described)
