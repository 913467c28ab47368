"""Models of each family of the presets: its real class at a tiny size, in a folder as its publisher has it.

A folder has weights in bfloat16, several end tokens and defaults of sampling. Its tokenizer writes any text, byte by
byte, and has the special tokens and the settings of the family. Its chat template has the family's form.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    GenerationConfig,
    GraniteConfig,
    GraniteForCausalLM,
    GraniteMoeHybridConfig,
    GraniteMoeHybridForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

BAR, GAP = "\uff5c", "\u2581"
R1_BOS, R1_EOS = f"<{BAR}begin{GAP}of{GAP}sentence{BAR}>", f"<{BAR}end{GAP}of{GAP}sentence{BAR}>"
R1_USER, R1_ASSISTANT = f"<{BAR}User{BAR}>", f"<{BAR}Assistant{BAR}>"

# opens the trace when it asks, and keeps of an earlier turn what follows the trace
R1_DISTILL = (
    "{{ bos_token }}{% for message in messages %}"
    f"{{% if message.role == 'user' %}}{R1_USER}{{{{ message.content }}}}"
    f"{{% else %}}{R1_ASSISTANT}{{{{ message.content.split('</think>')[-1] }}}}{{{{ eos_token }}}}{{% endif %}}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{R1_ASSISTANT}<think>\n{{% endif %}}"
)
# turns of ChatML; a trace that is not wanted is written empty
QWEN3 = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\n' + message.content.split('</think>')[-1].lstrip('\n') + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and not enable_thinking %}{{- '<think>\n\n</think>\n\n' }}{% endif %}
{%- endif %}
"""
# the text begins with its first token; a system turn has the date, and contents are stripped
LLAMA = """\
{{- bos_token }}
{{- '<|start_header_id|>system<|end_header_id|>\n\nToday is ' + strftime_now('%d %b %Y') + '<|eot_id|>' }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}
"""
# ChatML with a system turn of its own
SMOLLM2 = """\
{%- for message in messages %}
    {%- if loop.first and message.role != 'system' %}{{- '<|im_start|>system\nBe small.<|im_end|>\n' }}{% endif %}
    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{% endif %}
"""
# roles between tokens of their own; the system turn asks for a trace
GRANITE = """\
{{- '<|start_of_role|>system<|end_of_role|>' }}
{%- if thinking %}{{- 'Think in <think></think>.' }}{% else %}{{- 'Answer.' }}{% endif %}
{{- '<|end_of_text|>\n' }}
{%- for message in messages %}
    {{- '<|start_of_role|>' + message.role + '<|end_of_role|>' + message.content + '<|end_of_text|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}
"""

SIZES = {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 512}
# the default of 0.02 is made for widths of thousands
DENSE = {**SIZES, "intermediate_size": 128, "num_hidden_layers": 2, "initializer_range": 0.1}
GRANITE_FACTORS = {"embedding_multiplier": 3.0, "residual_multiplier": 0.8, "logits_scaling": 0.5}


@dataclass(frozen=True)
class Family:
    """What a folder of the family has.

    Attributes:
        network: the class of the model.
        config: the class of its configuration.
        sizes: arguments of the configuration.
        template: the chat template.
        special: special tokens by their role in the tokenizer's settings.
        tokens: other special tokens.
        tokenizer_class: the class that the tokenizer's settings name.
        begins: whether the tokenizer puts its first token before any text.
        arguments: those that the study gives the template.
    """

    network: type[PreTrainedModel]
    config: Callable[..., PreTrainedConfig]
    sizes: Mapping[str, object]
    template: str
    special: Mapping[str, str]
    tokens: tuple[str, ...]
    tokenizer_class: str
    begins: bool = False
    arguments: Mapping[str, bool] = field(default_factory=dict)


_ROLES = ("<|start_of_role|>", "<|end_of_role|>")
_GRANITE = dict.fromkeys(("bos_token", "eos_token", "pad_token"), "<|end_of_text|>")
FAMILIES = {
    "qwen2": Family(
        Qwen2ForCausalLM,
        Qwen2Config,
        {**DENSE, "tie_word_embeddings": False},
        R1_DISTILL,
        {"bos_token": R1_BOS, "eos_token": R1_EOS, "pad_token": R1_EOS},
        (R1_USER, R1_ASSISTANT),
        "LlamaTokenizerFast",
        begins=True,
    ),
    "qwen3": Family(
        Qwen3ForCausalLM,
        Qwen3Config,
        {**DENSE, "head_dim": 32, "tie_word_embeddings": True},
        QWEN3,
        {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        ("<|im_start|>",),
        "Qwen2Tokenizer",
    ),
    "llama": Family(
        LlamaForCausalLM,
        LlamaConfig,
        {
            **DENSE,
            "tie_word_embeddings": False,
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 256,
            },
        },
        LLAMA,
        # no token for padding
        {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
        ("<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>"),
        "PreTrainedTokenizerFast",
        begins=True,
    ),
    "smollm2": Family(
        LlamaForCausalLM,
        LlamaConfig,
        {**DENSE, "tie_word_embeddings": True},
        SMOLLM2,
        {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>"},
        ("<|endoftext|>",),
        "GPT2Tokenizer",
    ),
    "granite": Family(
        GraniteForCausalLM,
        GraniteConfig,
        {**DENSE, **GRANITE_FACTORS, "attention_multiplier": 0.18, "tie_word_embeddings": True},
        GRANITE,
        # one token for all
        _GRANITE,
        _ROLES,
        "GPT2Tokenizer",
        arguments={"thinking": True},
    ),
    "granite_hybrid": Family(
        GraniteMoeHybridForCausalLM,
        GraniteMoeHybridConfig,
        {
            **SIZES,
            **GRANITE_FACTORS,
            "attention_multiplier": 0.18,
            "tie_word_embeddings": True,
            "initializer_range": 0.1,
            "intermediate_size": 64,
            "shared_intermediate_size": 64,
            "num_hidden_layers": 3,
            "layer_types": ["mamba", "attention", "mamba"],
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "router_aux_loss_coef": 0.01,
            "position_embedding_type": "nope",
            "mamba_n_heads": 4,
            "mamba_d_head": 32,
            "mamba_d_state": 16,
            "mamba_chunk_size": 16,
        },
        GRANITE,
        _GRANITE,
        _ROLES,
        "GPT2Tokenizer",
        arguments={"thinking": True},
    ),
}


def write_family(folder: Path, family: Family, *, seed: int = 0) -> Path:
    """Write the folder of a model with random weights, as published, and return it."""
    folder.mkdir(parents=True)
    words = _bytewise(family)
    words.save(str(folder / "tokenizer.json"))
    settings = {**family.special, "tokenizer_class": family.tokenizer_class, "chat_template": family.template}
    settings |= {"model_max_length": 512, "add_bos_token": family.begins, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    # as publishers do, the vocabulary has more rows than tokens
    size = -(-words.get_vocab_size() // 16) * 16 + 16
    end = words.token_to_id(family.special["eos_token"])
    ids = {"eos_token_id": end, "bos_token_id": None, "pad_token_id": None, "vocab_size": size}
    torch.manual_seed(seed)
    model = family.network(family.config(**family.sizes, **ids)).to(torch.bfloat16)
    model.generation_config = GenerationConfig(
        eos_token_id=[end, words.token_to_id("0")], do_sample=True, temperature=0.6, top_p=0.95
    )
    model.save_pretrained(folder)
    return folder


def _bytewise(family: Family) -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({byte: number for number, byte in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = dict.fromkeys([*family.special.values(), *family.tokens])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    if family.begins:
        first = family.special["bos_token"]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A", special_tokens=[(first, tokenizer.token_to_id(first))]
        )
    return tokenizer
