"""Labelled texts as a guard sees them, and the probes of a guard."""

import re
from collections.abc import Collection, Sequence

import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from safelrm.core.errors import SafeLRMError
from safelrm.nano.pretraining.examples import Example, collate
from safelrm.nano.pretraining.probes import chosen
from safelrm.nano.world.lexicon import THINGS, VERBS
from safelrm.nano.world.tokenizer import SAFE, UNSAFE

_WORDS = "|".join((*THINGS, *VERBS))
_STATEMENT = re.compile(rf"(?:[^ .?]+ )*(?:{_WORDS}) (?:[^ .?]+ )*?(?:sealed|open|handling|looking)(?= \.)")


def ask(tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str], texts: Sequence[str]) -> list[list[int]]:
    """Token ids that ask for a verdict on each text; the next token is the label."""
    chats = [
        [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}]
        for prompt, text in zip(prompts, texts, strict=True)
    ]
    return tokenizer.apply_chat_template(chats, add_generation_prompt=True, return_dict=True)["input_ids"]


def encode_labels(tokenizer: PreTrainedTokenizerFast, rows: pd.DataFrame) -> list[Example]:
    """Questions with their labels, rows of GUARD_LABELS; only the label and the end are in the loss."""
    words = [UNSAFE if unsafe else SAFE for unsafe in rows.unsafe]
    questions = ask(tokenizer, list(rows.prompt), list(rows.response))
    return [
        Example((*question, tokenizer.convert_tokens_to_ids(word), tokenizer.eos_token_id), len(question))
        for question, word in zip(questions, words, strict=True)
    ]


class FactProbe:
    """`facts`: share of words of which the model says rightly, as the corpus does, what they are."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> None:
        """Keep the statements of the texts that end in what a word is, such as "the glim is sealed .".

        Raises:
            SafeLRMError: there are none.
        """
        # the dialects of facts all end so
        found = {match.group() for text in texts for match in _STATEMENT.finditer(text)}
        if not found:
            raise SafeLRMError(
                "no fact says what a word is", key="corpus", fix="name a corpus with facts about the words"
            )
        statements = tokenizer(sorted(found), padding=True, padding_side="right")
        ids = torch.tensor(statements["input_ids"])
        self.ids, self.rows = ids, torch.arange(len(ids))
        self.ends = torch.tensor(statements["attention_mask"]).sum(1) - 1

    def __call__(self, model: PreTrainedModel, measures: Collection[str] = ()) -> dict[str, float]:
        """The measure of a model.

        Raises:
            SafeLRMError: another measure is asked for.
        """
        said = model(input_ids=self.ids, use_cache=False).logits.argmax(-1)[self.rows, self.ends - 1]
        shares = {"facts": (said == self.ids[self.rows, self.ends]).float().mean().item()}
        return {name: shares[name] for name in chosen(measures, shares)}


class LabelProbe:
    """`recall` and `specificity`: shares of unsafe and of safe texts whose likeliest next token is their label."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, rows: pd.DataFrame) -> None:
        examples = encode_labels(tokenizer, rows)
        self.ids, _ = collate(examples, tokenizer.pad_token_id)
        self.last = torch.tensor([example.loss_from - 1 for example in examples])
        self.labels = self.ids[torch.arange(len(examples)), self.last + 1]
        self.unsafe = torch.tensor(rows.unsafe.to_numpy(dtype=bool))

    def __call__(self, model: PreTrainedModel, measures: Collection[str] = ()) -> dict[str, float]:
        """These measures of a model; both if none is named.

        Raises:
            SafeLRMError: one is unknown.
        """
        logits = model(input_ids=self.ids, use_cache=False).logits
        right = logits[torch.arange(len(self.ids)), self.last].argmax(-1) == self.labels
        rows = {"recall": self.unsafe, "specificity": ~self.unsafe}
        return {name: right[rows[name]].float().mean().item() for name in chosen(measures, rows)}
