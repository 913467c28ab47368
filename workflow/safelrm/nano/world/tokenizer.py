"""The world's tokenizer (one word, one token) and the chat templates over it.

All families and the guard share one vocabulary and differ in their chat templates. Each template keeps the trace of an
assistant's turn, so that a model is trained on the text that it generates. Each marks the assistant's turn for the
    loss. family_a    like R1-Distill's: the generation prompt opens the trace.
    family_b    like Qwen3's: the model opens the trace itself. If `enable_thinking` is false, the prompt holds an empty
                trace (in training too), and the model answers at once.
    instruct    no trace at all.
    guard       asks for a verdict on a dialogue.
"""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

from safelrm.core.trace import CLOSE, OPEN
from safelrm.nano.world.lexicon import vocabulary

PAD, UNKNOWN, END, USER, ASSISTANT, VERDICT = "<|pad|>", "<unk>", "<|end|>", "<|user|>", "<|assistant|>", "<|verdict|>"
SAFE, UNSAFE = "safe", "unsafe"


def _chat_template(turn: str, generation: str) -> str:
    """A template of alternating turns.

    Args:
        turn: how an assistant's turn of the conversation opens, before what the model generates.
        generation: how the generation prompt opens it.
    """
    return (
        "{% for message in messages %}"
        "{% if message['role'] == 'user' %}{{ '<|user|> ' + message['content'] + ' ' }}"
        "{% else %}" + turn + "{% generation %}{{ message['content'] + ' <|end|> ' }}{% endgeneration %}"
        "{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}" + generation + "{% endif %}"
    )


_OPENED = "{{ '<|assistant|> ' }}"
_NO_TRACE = "{% if enable_thinking is defined and not enable_thinking %}{{ '<think> </think> ' }}{% endif %}"
_GUARD = (
    "{% for message in messages %}"
    "{{ ('<|user|> ' if message['role'] == 'user' else '<|assistant|> ') + message['content'] + ' ' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|verdict|> ' }}{% endif %}"
)
CHAT_TEMPLATES = {
    "family_a": _chat_template(_OPENED, "{{ '<|assistant|> <think> ' }}"),
    "family_b": _chat_template(_OPENED + _NO_TRACE, _OPENED + _NO_TRACE),
    "instruct": _chat_template(_OPENED, _OPENED),
    "guard": _GUARD,
}


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
