"""The tokenizer of a fetched model reads text as its file says, whatever class the repository names."""

import json

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from safelrm.core.errors import SafeLRMError
from safelrm.inference.chat import load_tokenizer
from safelrm.models import hub as hub_tokenizer
from safelrm.models.hub import SAMPLE, faithful_tokenizer

WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
NEWER = "Hello again,  it\tis\n\n<think> 42 </think> ok"


def byte_level_tokenizer() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {byte: number for number, byte in enumerate([*alphabet, "el", "ell", "Ġi"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("e", "l"), ("el", "l"), ("Ġ", "i")]))
    split = pre_tokenizers.Split(Regex(WORDS), "isolated")
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytewise])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<end>", special=True, normalized=False)])
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in ("<think>", "</think>")])
    return tokenizer


def write(folder, architecture: str, named: str) -> Tokenizer:
    tokenizer = byte_level_tokenizer()
    tokenizer.enable_truncation(8)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    settings = {"tokenizer_class": named, "eos_token": "<end>", "chat_template": "x", "legacy": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text(json.dumps({"model_type": architecture}))
    return tokenizer


@pytest.mark.parametrize("named", ["LlamaTokenizerFast", "Qwen2Tokenizer", "PreTrainedTokenizerFast"])
@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_it_reads_as_the_file_says_also_when_saved_again(architecture, named, tmp_path):
    reference = write(tmp_path, architecture, named)
    tokenizer = faithful_tokenizer(tmp_path)
    again = tmp_path / "again"
    tokenizer.save_pretrained(again)
    (again / "config.json").write_text((tmp_path / "config.json").read_text())
    for text in (SAMPLE, NEWER):
        expected = reference.encode(text, add_special_tokens=False).ids
        for found in (tokenizer, load_tokenizer(again)):
            assert found(text, add_special_tokens=False)["input_ids"] == expected
            assert found.decode(expected) == text
    assert tokenizer.eos_token == "<end>"


def test_what_transformers_makes_of_the_named_class_is_not_enough(tmp_path):
    reference = write(tmp_path, "llama", "LlamaTokenizerFast")
    expected = reference.encode(SAMPLE, add_special_tokens=False).ids
    assert load_tokenizer(tmp_path)(SAMPLE, add_special_tokens=False)["input_ids"] != expected


def test_a_tokenizer_that_nothing_reads_rightly_is_refused(tmp_path, monkeypatch):
    write(tmp_path, "llama", "LlamaTokenizerFast")
    wrong = load_tokenizer(tmp_path)
    monkeypatch.setattr(hub_tokenizer.PreTrainedTokenizerFast, "from_pretrained", lambda *_, **__: wrong)
    with pytest.raises(SafeLRMError, match=r"tokenizer\.json: the installed transformers reads text otherwise"):
        faithful_tokenizer(tmp_path)
