"""The optimisers of the factory."""

from torch.optim import AdamW, Optimizer
from transformers import PreTrainedModel

from safelrm.factory.muon import Muon
from safelrm.settings.factory import Optimisation


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
