"""The optimisers of pre-training: AdamW, and Muon (Jordan et al. 2024) in float32.

torch.optim.Muon orthogonalises in bfloat16. Processors without bfloat16 instructions emulate them, and a step of a nano
model took three times as long there. This Muon also orthogonalises all matrices of one shape together.
"""

import math
from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer
from transformers import PreTrainedModel

from safelrm.nano.settings import Optimisation

# a quintic that moves singular values in (0, 1] to about 1 in few iterations (Jordan et al. 2024)
COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5
MOMENTUM = 0.95


class Muon(Optimizer):
    """Nesterov momentum whose updates are orthogonalised; for matrices only.

    Updates are scaled to the size of AdamW's (factor 0.2 sqrt(longer side), Liu et al. 2025), so that one scale of
    learning rates serves both optimisers.
    """

    def __init__(self, matrices: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        """One step, from the gradients at hand."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for weight in group["params"]:
                by_shape[weight.shape].append(weight)
            for shape, weights in by_shape.items():
                updates = orthogonal(torch.stack([self._momentum(weight) for weight in weights]))
                rate = group["lr"] * 0.2 * math.sqrt(max(shape))
                for weight, update in zip(weights, updates, strict=True):
                    weight.mul_(1.0 - group["lr"] * group["weight_decay"]).sub_(update, alpha=rate)

    def _momentum(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        buffer = state["momentum_buffer"].lerp_(weight.grad, 1.0 - MOMENTUM)
        return weight.grad.lerp(buffer, MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices with the singular vectors of the given ones, and singular values near 1, by Newton-Schulz iteration.

    Args:
        matrices: shape (number, rows, columns).
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if tall else x


def new_optimisers(model: PreTrainedModel, settings: Optimisation) -> list[Optimizer]:
    """AdamW for all weights, or Muon (Jordan et al. 2024) for the matrices of the layers and AdamW for the rest.

    Muon orthogonalises the momentum of a matrix. Copying and single steps form in fewer steps than with AdamW.
    """
    matrices, others = [], []
    for name, weight in model.named_parameters():
        is_matrix = weight.ndim == 2 and name.startswith("model.layers.")
        (matrices if is_matrix and settings.muon_learning_rate else others).append(weight)
    adamw = AdamW(others, lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay, fused=True)
    if not settings.muon_learning_rate:
        return [adamw]
    return [Muon(matrices, lr=settings.muon_learning_rate, weight_decay=settings.weight_decay), adamw]
