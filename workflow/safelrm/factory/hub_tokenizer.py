"""The tokenizer of a fetched model, as its `tokenizer.json` says.

`tokenizer_config.json` may name a class that is not the file's: the R1-Distill models name Llama's, and of those whose
architecture is Llama's, transformers then makes a tokenizer that drops white space, without a word. So what it makes
is compared with the file.
"""

from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from safelrm.core.errors import SafeLRMError
from safelrm.engine.chat import load_tokenizer

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
