"""The optimiser and its learning rate, as a recipe's `optimiser` says."""

import math

import torch
from torch import nn

from training.optimiser_settings import OptimiserSettings


def learning_rate(settings: OptimiserSettings, step: int) -> float:
    """Linear warm-up, then constant, or a cosine to its end and, where steps are left, back and forth."""
    if step < settings.warmup_batches:
        return settings.learning_rate * (step + 1) / settings.warmup_batches
    if settings.schedule == "constant":
        return settings.learning_rate
    end = (settings.cosine_epochs or settings.epochs) * settings.batches_per_epoch
    share = (step - settings.warmup_batches) / max(1, end - settings.warmup_batches)
    lowest, highest = settings.final_learning_rate, settings.learning_rate
    return lowest + (highest - lowest) * 0.5 * (1 + math.cos(math.pi * share))


def optimiser_of(model: nn.Module, settings: OptimiserSettings) -> torch.optim.Optimizer:
    """Weight decay on matrices and kernels alone: none on norms, biases and the scan's A and D."""
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        plain = parameter.ndim > 1 and not name.endswith(("A_logs", "Ds", "dt_projs_bias"))
        (decayed if plain else kept).append(parameter)
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    if settings.method == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas)
