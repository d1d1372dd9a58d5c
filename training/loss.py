"""The loss for labels that are partial: what a set does not label is not background, it is one of several classes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from training.harmonise import CLASSES, DISC, SAC

NEAR_PIXELS = 9  # window around a border: 2 mm to both sides
WEIGHT_NEAR = 3.0  # added where disc and sac are both near: posterior margins and what is displaced


def partial_loss(logits: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
    """Marginal cross-entropy over admissible classes, and soft Dice where a class is certainly there or certainly not.

    `logits` (N, C, H, W); `bits` (N, H, W) uint8 with bit c set where class c is admissible. Voxels
    near both disc and sac count more: there herniations are measured.
    """
    shifts = torch.arange(len(CLASSES), device=bits.device, dtype=torch.uint8).view(1, -1, 1, 1)
    admissible = (bits.unsqueeze(1) >> shifts & 1).bool()
    logits = logits.float()
    total = logits.logsumexp(dim=1)
    allowed = logits.masked_fill(~admissible, -math.inf).logsumexp(dim=1)
    weight = 1 + WEIGHT_NEAR * _near(bits)
    entropy = ((total - allowed) * weight).sum() / weight.sum()
    probability = logits.softmax(dim=1)
    truth = admissible & (admissible.sum(dim=1, keepdim=True) == 1)
    known = (truth | ~admissible)[:, 1:]
    axes = (0, 2, 3)
    overlap = (probability[:, 1:] * truth[:, 1:]).sum(axes)
    size = (probability[:, 1:] * known).sum(axes) + truth[:, 1:].sum(axes)
    present = truth[:, 1:].sum(axes) > 0
    dice = 1 - (2 * overlap + 1) / (size + 1)
    return entropy, dice[present].mean() if bool(present.any()) else entropy.new_zeros(())


def _near(bits: Tensor) -> Tensor:
    """One where certain disc and certain sac are both within a few pixels, (N, H, W)."""
    both = torch.stack([bits == DISC, bits == SAC], dim=1).to(torch.float32)
    close: Tensor = max_pool2d(both, NEAR_PIXELS, stride=1, padding=NEAR_PIXELS // 2)
    return close.amin(dim=1)
