"""Guards of tests: tokenizers that are made here, and guards that say composed answers.

The chat templates, prompts and answers are composed from the documented formats. None is a publisher's text, and none
was recorded.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from safelrm.core.checkpoints import MODEL_FILES, write_manifest
from safelrm.inference import readings
from safelrm.inference.settings import GuardSettings

# special control tokens, and some that are added without being special
SPECIAL = ["<|pad|>", "<|begin|>", "<|turn|>", "<|end|>", "<|channel|>", "<|message|>"]
ADDED = ["<|role|>", "<think>", "</think>"]
LABELS = "Yes No yes no safe unsafe Safe Unsafe Controversial n/a 0 1 2 3 4 5"
FORMATS = (
    "Safety: Categories: Refusal: Harmful request: Response refusal: Harmful response: <score> </score> final S1 S9"
)
TEMPLATE = (
    "{{ '<|begin|>' }}{% for message in messages %}<|turn|>{{ message['role'] }}<|role|>\n"
    "{% if message['content'] is string %}{{ message['content'] | trim }}"
    "{% else %}{{ message['content'][0]['text'] | trim }}{% endif %}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>guard<|role|>{% endif %}"
)
# what a user's file may hold
LITERAL = "Is this harmful? Prompt: {{{prompt}}} Text: {{{text}}} Answer:"
# the texts that presets want of a user
USERS = {
    "wildguard": {"template": LITERAL.format(prompt="prompt", text="response")},
    "harmbench": {"template": LITERAL.format(prompt="behavior", text="generation")},
    "strongreject": {"template": LITERAL.format(prompt="forbidden_prompt", text="response")},
    "granite_guardian_4_1": {"last_turn": "Criteria: harm. Answer in score tags."},
    "gpt_oss_safeguard": {"system": "Policy: harm is 1, all else is 0."},
    "shieldgemma": {"template_kwargs": {"guideline": "no harm"}},
}
CERTAIN, HARDLY = -0.02, -9.0


def write_guard_tokenizer(run: Path, *, chat_template: str | None = TEMPLATE) -> Path:
    """A folder with a tokenizer of bytes and common words, as published guards have them, and no weights."""
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=SPECIAL, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())
    )
    spellings = [f"{blank}{word}" for word in LABELS.split() for blank in ("", " ")]
    words.train_from_iterator([FORMATS, *spellings] * 20, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<|pad|>", bos_token="<|begin|>", eos_token="<|end|>"
    )
    tokenizer.add_tokens(ADDED)
    if chat_template:
        tokenizer.chat_template = chat_template
    folder = run / "model"
    tokenizer.save_pretrained(folder)
    for name in set(MODEL_FILES) - {path.name for path in folder.iterdir()}:
        (folder / name).write_text("{}" if name.endswith(".json") else "")
    write_manifest(run / "manifest.json")
    return folder


def reading_of(preset: str, **changes: object) -> GuardSettings:
    """A preset with what it wants of a user."""
    return GuardSettings.model_validate({"preset": preset, **USERS.get(preset, {}), **changes})


class SayingGuard:
    """In place of the engine: answers what it is told to, and is nearly certain of each token.

    Attributes:
        questions: texts of the questions that it was asked.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, cache: Path) -> None:
        self.folder, self.questions = folder, []
        self.says: Callable[[str], str | list[int]] = lambda question: ""
        self.doubt = HARDLY
        monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(cache))
        monkeypatch.setattr(readings, "start_engine", lambda folder, **how: self)
        monkeypatch.setattr(readings, "complete", self._complete)

    def read(
        self, settings: GuardSettings, says: str | Callable[[str], str | list[int]], pairs: Sequence[tuple[str, str]]
    ) -> list:
        """The readings of pairs, on which the guard says this."""
        self.says = says if callable(says) else lambda question: says
        guard = readings.VllmGuard(self.folder, settings, dtype="float32")
        self.tokenizer = guard.prompts.chat.tokenizer
        return guard.read(pairs)

    def _complete(self, engine, questions):
        for place, (ids, sampling) in enumerate(questions):
            question = self.tokenizer.decode(ids)
            self.questions.append(question)
            said = self.says(question)
            if isinstance(said, str):
                said = self.tokenizer(said, add_special_tokens=False)["input_ids"]
            said = [*said, self.tokenizer.eos_token_id][: sampling["max_tokens"]]
            asked = sampling.get("logprob_token_ids", ())
            rows = [
                {token: SimpleNamespace(logprob=CERTAIN if token == one else self.doubt) for token in {*asked, one}}
                for one in said
            ]
            yield place, SimpleNamespace(token_ids=said, logprobs=rows if asked else None)
