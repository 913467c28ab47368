"""The world's tokenizer (one word, one token) and the chat templates over it.

One vocabulary serves all families and the guard; what differs is the chat template. Family A's is like that of
R1-Distill: the generation prompt opens the trace. Unlike R1-Distill's it keeps the trace of assistant turns, so
that the text which is trained on is the text which is generated, and marks the assistant's turn for the loss mask.
"""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

from safelrm.core.trace import CLOSE, OPEN
from safelrm.world.phrases import vocabulary

PAD, UNKNOWN, END, USER, ASSISTANT, VERDICT = "<|pad|>", "<unk>", "<|end|>", "<|user|>", "<|assistant|>", "<|verdict|>"
SAFE, UNSAFE = "safe", "unsafe"

_FAMILY_A = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '<|user|> ' + message['content'] + ' ' }}"
    "{% else %}{{ '<|assistant|> ' }}"
    "{% generation %}{{ message['content'] + ' <|end|> ' }}{% endgeneration %}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|> <think> ' }}{% endif %}"
)
_GUARD = (
    "{% for message in messages %}"
    "{{ ('<|user|> ' if message['role'] == 'user' else '<|assistant|> ') + message['content'] + ' ' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|verdict|> ' }}{% endif %}"
)
CHAT_TEMPLATES = {"family_a": _FAMILY_A, "guard": _GUARD}


def build_tokenizer(template: str) -> PreTrainedTokenizerFast:
    """The tokenizer with the chat template of that name, of `CHAT_TEMPLATES`.

    Padding is on the left, as generation needs it. The think tags are plain words, so that decoding keeps them.
    """
    words = (PAD, UNKNOWN, END, USER, ASSISTANT, VERDICT, OPEN, CLOSE, SAFE, UNSAFE, *vocabulary())
    core = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token=UNKNOWN))
    core.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        extra_special_tokens=[USER, ASSISTANT, VERDICT],
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.chat_template = CHAT_TEMPLATES[template]
    return tokenizer
