"""Calibrated probabilities: one temperature that divides the logits, found on the validation part.

Guo et al. 2017, "On calibration of modern neural networks": a single temperature, by maximum likelihood. It changes no
outline, only how sure the network says it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from training.harmonise import CLASSES
from training.network import STRIDE
from training.prepared import Prepared

EVERY_SLICE = 3
VOXELS = 4000  # of a slice, at most
BINS = 15
LIMITS = (0.3, 5.0)
#: (1, 3, H, W) image -> (1, C, H, W) logits.
Judge = Callable[[Tensor], Tensor]
SURE = 0.999  # voxels that nobody doubts would drown the others


@dataclass(frozen=True)
class Calibration:
    """A temperature, and the expected calibration error of doubtful voxels without and with it."""

    temperature: float
    error_before: float
    error_after: float


def calibrate(network: Judge, stacks: Iterable[Prepared], seed: int = 0) -> Calibration:
    """Fit the temperature on voxels whose class is certain and that the network is not wholly sure of."""
    logits, truth = _doubtful(network, stacks, np.random.default_rng(seed))
    found = minimize_scalar(lambda t: _cost(logits, truth, t), bounds=LIMITS, method="bounded")
    temperature = float(found.x)
    return Calibration(
        temperature, *(calibration_error(*_sureness(logits / t, truth)) for t in (1, temperature))
    )


def calibration_error(sureness: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean distance of the share that is right from the probability stated, over bins of equal width."""
    bins = np.minimum((sureness * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    gap = np.abs(np.bincount(bins, right, BINS) - np.bincount(bins, sureness, BINS))
    return float(gap.sum() / max(count.sum(), 1))


def _doubtful(
    network: Judge, stacks: Iterable[Prepared], random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """(n, C) logits and (n,) classes of voxels that have one admissible class."""
    logits, classes = [], []
    for stack in stacks:
        image = normalised(stack)
        for index in range(0, len(image), EVERY_SLICE):
            with torch.no_grad():
                output = network(_window(image, index))[0]
            bits = stack.admissible[index]
            certain = np.isin(bits, [1 << c for c in range(len(CLASSES))])
            unsure = (output.softmax(0).amax(0).numpy() < SURE)[: bits.shape[0], : bits.shape[1]]
            where = np.argwhere(certain & unsure)
            where = where[random.permutation(len(where))[:VOXELS]]
            logits.append(output[:, where[:, 0], where[:, 1]].T)
            classes.append(torch.from_numpy(np.log2(bits[tuple(where.T)]).astype(np.int64)))
    return torch.cat(logits), torch.cat(classes)


def normalised(stack: Prepared) -> NDArray[np.float32]:
    """The stack as the network sees it."""
    return (stack.image.astype(np.float32) - stack.mean) / max(stack.deviation, 1e-6)


def _window(image: NDArray[np.float32], index: int) -> Tensor:
    """(1, 3, H, W): a slice with its neighbours, padded to what the network takes."""
    numbers = np.clip([index - 1, index, index + 1], 0, len(image) - 1)
    rows, columns = image.shape[1:]
    padded = np.pad(
        image[numbers],
        ((0, 0), (0, -rows % STRIDE), (0, -columns % STRIDE)),
        constant_values=float(image.min()),
    )
    return torch.from_numpy(padded)[None]


def _cost(logits: Tensor, truth: Tensor, temperature: float) -> float:
    return float(torch.nn.functional.cross_entropy(logits / temperature, truth))


def _sureness(logits: Tensor, truth: Tensor) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    probability, found = logits.softmax(1).max(1)
    return probability.numpy().astype(np.float64), (found == truth).numpy()
