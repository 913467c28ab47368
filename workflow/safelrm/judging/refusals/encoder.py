"""A sentence encoder: a small transformer whose token vectors are averaged to one vector for each text.

The mean over the tokens, scaled to length 1, is how the encoders of Reimers and Gurevych (2019) are trained and read.
The encoder is small: it runs in float32 on the CPU. The order of its batches depends on the texts alone.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer

from safelrm.core.errors import SafeLRMError

LONGEST = 64
# tokens of a batch, padding included
BATCH_TOKENS = 4096


class Encoder:
    """The encoder in a model folder.

    Args:
        folder: configuration, safetensors weights and tokenizer, in Hugging Face's format.

    Raises:
        SafeLRMError: transformers cannot load it, or it is no encoder.
    """

    def __init__(self, folder: Path) -> None:
        safe = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
            self._model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **safe).eval()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise SafeLRMError(
                f"the encoder cannot be loaded ({str(error).splitlines()[0]})",
                file=folder,
                fix="name a sentence encoder that transformers knows, with config.json, model.safetensors, tokenizer",
            ) from error
        if self._tokenizer.pad_token_id is None or getattr(self._model.config, "is_encoder_decoder", False):
            raise SafeLRMError(
                "is no sentence encoder: it has no token for padding, or it is an encoder with a decoder",
                file=folder,
                fix="name a model such as sentence-transformers/all-MiniLM-L6-v2",
            )

    @property
    def width(self) -> int:
        """Length of a vector."""
        return int(self._model.config.hidden_size)

    def save(self, folder: Path) -> None:
        """Write configuration, weights and tokenizer into a folder."""
        self._model.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)

    @torch.inference_mode()
    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """A float32 array (text, width): a vector of length 1 for each text, cut at `LONGEST` tokens."""
        found = np.zeros((len(texts), self.width), dtype=np.float32)
        if not texts:
            return found
        tokens = self._tokenizer(list(texts), truncation=True, max_length=LONGEST)["input_ids"]
        order = sorted(range(len(texts)), key=lambda index: (len(tokens[index]), texts[index]))
        while order:
            size = max(1, BATCH_TOKENS // max(1, len(tokens[order[-1]])))
            order, batch = order[:-size], order[-size:]
            found[batch] = self._encode([tokens[index] for index in batch])
        return found

    def _encode(self, batch: Sequence[Sequence[int]]) -> np.ndarray:
        padded = self._tokenizer.pad({"input_ids": batch}, return_tensors="pt")
        inputs = {name: padded[name] for name in ("input_ids", "attention_mask")}
        hidden = self._model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        return normalize(mean, dim=-1).numpy()
