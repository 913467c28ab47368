"""Muon: orthogonal updates, as torch's, in float32."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from safelrm.nano.pretraining.optimisers import Muon, orthogonal


@given(st.integers(1, 3), st.integers(2, 12), st.integers(2, 12), st.integers(0, 10**6))
def test_singular_values_come_near_one_and_vectors_stay(number, rows, columns, seed):
    matrices = torch.randn(number, rows, columns, generator=torch.Generator().manual_seed(seed))
    u, values, vt = torch.linalg.svd(matrices, full_matrices=False)
    made = u.mT @ orthogonal(matrices) @ vt.mT
    diagonal = torch.diagonal(made, dim1=1, dim2=2)
    assert torch.allclose(made, torch.diag_embed(diagonal), atol=2e-2)
    large = values > 0.1 * values[:, :1]
    assert ((diagonal[large] > 0.3) & (diagonal[large] < 1.4)).all()


def test_one_matrix_is_made_as_in_a_batch():
    matrices = torch.randn(3, 8, 5, generator=torch.Generator().manual_seed(1))
    together = orthogonal(matrices)
    for matrix, made in zip(matrices, together, strict=True):
        assert torch.allclose(orthogonal(matrix[None])[0], made, atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 16), (8, 24), (24, 8)])
def test_it_steps_as_torch_does_up_to_the_latters_rounding(shape):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    reference = torch.optim.Muon([theirs], lr=0.1, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    optimiser = Muon([ours], lr=0.1, weight_decay=0.01)
    for _ in range(4):
        gradient = torch.randn(shape, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimiser.step()
        reference.step()
    assert (start - ours).norm() > 0.1
    assert (ours - theirs).norm() < 0.03 * (start - ours).norm()
