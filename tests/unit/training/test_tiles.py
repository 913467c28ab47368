"""The tiles of TRL's log-probabilities: as wide as the vocabulary, with the same bits."""

from pathlib import Path

import pytest
import torch
from tiny_model import write_tiny_model
from training_fixtures import TEMPLATE
from trl.trainer import utils

from safelrm.training.policy import load_policy
from safelrm.training.tiles import WIDEST


def _loss_and_gradients(model: torch.nn.Module, tokens: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    output = model(input_ids=tokens, labels=tokens, fused_lm_head=True)
    output.loss.backward()
    return [output.log_probs, *(weight.grad for weight in model.parameters())]


def test_tiles_are_as_wide_as_the_vocabulary_and_change_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_policy(write_tiny_model(tmp_path, chat_template=TEMPLATE)).model
    words = model.config.vocab_size
    assert words == utils._CHUNKED_LOGPROB_CHUNK_SIZE < WIDEST
    utils.add_fused_lm_head(model)
    tokens = torch.randint(words, (4, 24), generator=torch.Generator().manual_seed(1))
    fitted = _loss_and_gradients(model, tokens)
    monkeypatch.setattr(utils, "_CHUNKED_LOGPROB_CHUNK_SIZE", WIDEST)
    assert all(torch.equal(*both) for both in zip(fitted, _loss_and_gradients(model, tokens), strict=True))
