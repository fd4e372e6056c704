"""Focal losses, which ask little for what is easy: of each number by itself, so that systems sum them as they need."""

import torch
from torch import Tensor
from torch.nn import functional as F


def focal(logits: Tensor, targets: Tensor, alpha: float, gamma: float) -> Tensor:
    """-alpha_t (1 - p_t)^gamma log p_t of every logit, with targets of 0 or 1 and of the same shape.

    Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    probabilities = torch.sigmoid(logits)
    missed = torch.where(targets > 0.5, 1 - probabilities, probabilities)
    weights = torch.where(targets > 0.5, alpha, 1 - alpha)
    return weights * missed**gamma * entropy


def quality_focal(logits: Tensor, targets: Tensor, beta: float) -> Tensor:
    """|p - q|^beta times the cross entropy of p and q, of every logit, with targets q of 0 to 1 and of the same shape.

    Source: Li et al., "Generalized Focal Loss", NeurIPS 2020, eq. 4.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (targets - torch.sigmoid(logits)).abs() ** beta * entropy


def softmax_focal(logits: Tensor, classes: Tensor, gamma: float) -> Tensor:
    """-(1 - p)^gamma log p of the softmax's probability p of each one's class: logits (B, K), classes (B,) to (B,).

    Source: Lin et al., eq. 4, of more than two classes.
    """
    log_probability = F.log_softmax(logits, dim=1).gather(1, classes[:, None])[:, 0]
    return -((1 - log_probability.exp()) ** gamma) * log_probability
