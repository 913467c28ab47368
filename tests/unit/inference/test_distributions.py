"""Entropies and divergences at the tokens of texts: by other code, and their properties."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tiny_model import SIZES, granite_hybrid, qwen3
from transformers import Gemma2Config, Gemma2ForCausalLM, GraniteConfig, GraniteForCausalLM

from safelrm.inference import distributions
from safelrm.inference.distributions import token_distributions

WORDS = SIZES["vocab_size"]
TEXTS = st.lists(st.lists(st.integers(0, WORDS - 1), min_size=2, max_size=9), min_size=1, max_size=5)
LAYERS = {"intermediate_size": 64, "num_hidden_layers": 2}


def granite_scaled():
    """A model that divides its logits."""
    return GraniteForCausalLM(GraniteConfig(**SIZES, **LAYERS, logits_scaling=4.0))


def gemma_capped():
    """A model that caps its logits."""
    return Gemma2ForCausalLM(Gemma2Config(**SIZES, **LAYERS, head_dim=32, final_logit_softcapping=2.0))


def sharp(make, seed: int):
    """A model with random weights and distributions that are not flat."""
    torch.manual_seed(seed)
    model = make().eval().requires_grad_(False)
    model.get_output_embeddings().weight.data *= 30.0
    return model


@pytest.fixture(scope="module")
def pair():
    return sharp(qwen3, 0), sharp(qwen3, 1)


def logits_by_hand(model, ids: list[int], begin: int, temperature: float) -> torch.Tensor:
    """A pass over one text alone, with all its logits."""
    return model(torch.tensor([ids])).logits[0, begin - 1 : len(ids) - 1].double() / temperature


def read(model, base, texts, *, temperature: float = 1.0, batch_tokens: int = 64):
    begins = [1 + len(ids) // 3 for ids in texts]
    heats = [temperature] * len(texts)
    return token_distributions(model, base, texts, begins, heats, batch_tokens=batch_tokens), begins


@pytest.mark.parametrize("make", [qwen3, granite_hybrid, granite_scaled, gemma_capped])
def test_as_scipy_and_torch_have_them(make):
    model, base = sharp(make, 0), sharp(make, 1)
    texts, begins, heats = [[3, 9, 4, 7, 1], [5, 6], [8, 8, 8, 2, 30, 31, 2]], [2, 1, 3], [1.0, 0.6, 0.6]
    found = token_distributions(model, base, texts, begins, heats, batch_tokens=100)
    for ids, begin, heat, one in zip(texts, begins, heats, found, strict=True):
        own, other = (logits_by_hand(reader, ids, begin, heat) for reader in (model, base))
        first, second = (torch.distributions.Categorical(logits=logits) for logits in (own, other))
        assert len(one.entropy) == len(ids) - begin
        assert one.entropy == pytest.approx(stats.entropy(own.softmax(1).numpy(), axis=1), abs=1e-4)
        assert one.entropy == pytest.approx(first.entropy().numpy(), abs=1e-4)
        assert one.base_entropy == pytest.approx(second.entropy().numpy(), abs=1e-4)
        assert one.divergence == pytest.approx(torch.distributions.kl_divergence(first, second).numpy(), abs=1e-4)
        assert one.divergence == pytest.approx(
            stats.entropy(own.softmax(1).numpy(), other.softmax(1).numpy(), axis=1), abs=1e-4
        )


@given(TEXTS, st.floats(0.3, 2.0))
@settings(max_examples=15, deadline=None)
def test_entropies_are_within_their_bounds_and_divergences_above_0(pair, texts, temperature):
    found, _ = read(*pair, texts, temperature=temperature)
    for one in found:
        for entropy in (one.entropy, one.base_entropy):
            assert (entropy >= 0).all() and (entropy <= math.log(WORDS) + 1e-4).all()
        assert (one.divergence >= 0).all()


@given(TEXTS)
@settings(max_examples=15, deadline=None)
def test_a_model_does_not_diverge_from_itself(pair, texts):
    model, _ = pair
    found, _ = read(model, model, texts)
    for one in found:
        assert (one.entropy == one.base_entropy).all() and (one.divergence == 0).all()


@given(TEXTS, st.integers(1, 40), st.integers(1, 5 * WORDS))
@settings(max_examples=15, deadline=None)
def test_batches_padding_and_tiles_change_nothing(pair, texts, batch_tokens, tile):
    alone = [read(*pair, [ids])[0][0] for ids in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributions, "TILE_VALUES", tile)
        together, begins = read(*pair, texts, batch_tokens=batch_tokens)
    for ids, begin, one, other in zip(texts, begins, alone, together, strict=True):
        assert len(other.entropy) == len(ids) - begin
        for found, expected in zip(other, one, strict=True):
            assert found == pytest.approx(expected, abs=1e-4)


def test_no_more_than_a_tile_of_logits_is_made(pair, monkeypatch):
    model, base = pair
    monkeypatch.setattr(distributions, "TILE_VALUES", 3 * WORDS)
    made = []
    hooks = [
        reader.lm_head.register_forward_hook(lambda *given: made.append(given[2].shape[:-1].numel())) for reader in pair
    ]
    (one,), _ = read(model, base, [[*range(20)]])
    for hook in hooks:
        hook.remove()
    assert max(made) == 3 and sum(made) == 2 * len(one.entropy)


def test_without_a_base_there_are_entropies_alone(pair):
    model, base = pair
    (one,), _ = read(model, None, [[1, 2, 3]])
    (other,), _ = read(model, base, [[1, 2, 3]])
    assert one.base_entropy is None and one.divergence is None
    assert one.entropy == pytest.approx(other.entropy)


def test_texts_without_a_token_that_is_asked_about_have_none(pair):
    found = token_distributions(*pair, [[1, 2], [3]], [2, 1], [1.0, 1.0], batch_tokens=8)
    assert [len(one.divergence) for one in found] == [0, 0]
    assert token_distributions(*pair, [], [], [], batch_tokens=8) == []


def test_the_body_of_a_model_is_as_before(pair):
    model, base = pair
    before = model(torch.tensor([[1, 2, 3]])).logits
    read(model, base, [[1, 2, 3]])
    assert torch.equal(before, model(torch.tensor([[1, 2, 3]])).logits)


def test_what_has_no_share_counts_for_nothing():
    logits = torch.tensor([[0.0, 0.0, -math.inf]])
    entropy, base_entropy, divergence = distributions._tile([logits, torch.tensor([[0.0, math.log(3.0), -math.inf]])])
    assert np.allclose([entropy.item(), base_entropy.item()], [math.log(2), stats.entropy([0.25, 0.75])])
    assert divergence.item() == pytest.approx(stats.entropy([0.5, 0.5], [0.25, 0.75]))
