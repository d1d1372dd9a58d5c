"""Slices brought to the model's pixels, and its probabilities brought back to theirs and decided there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from resorb.anatomy import Structure
from resorb.study import FloatArray

Image = NDArray[np.float32]

#: Disc is likely where its probability times this exceeds every other; `rim` says what it is for. Chosen on real
#: herniations outside the test part, drawn by two readers and outlined by networks that never saw them (5), and on
#: the evaluation generator's implants in the validation part (9), together with `rim.REACH_MM`: Dice .77 and .67 at 3.3
#: and 2 mm, .80 and .70 at 10 and 3 mm, less again at 20 (.79); of the drawn volume 68 and 81 % are outlined.
LIKELY_ODDS = 10.0
#: A body is likely where its probability times this exceeds those of what yields to it; `sides` says what it is for.
BODY_ODDS = 3.0
YIELDING = (Structure.BACKGROUND, Structure.POSTERIOR_ELEMENTS)
KEEPING = (Structure.SACRUM, Structure.DISC, Structure.THECAL_SAC)


def resampler(size: int, spacing: float, wanted: float) -> csr_array:
    """(m, size) matrix, float32, that brings pixels of `spacing` to pixels of `wanted` mm over the same extent.

    Linear; where it makes pixels larger it averages over them (a triangle as wide as two new pixels).
    """
    count = max(1, round(size * spacing / wanted))
    centres = (np.arange(count) + 0.5) * wanted / spacing - 0.5
    reach = max(1.0, wanted / spacing)
    weight = np.clip(1.0 - np.abs(centres[:, None] - np.arange(size)[None]) / reach, 0.0, None)
    weight[:, 0] += np.where(weight.sum(axis=1) == 0, 1.0, 0.0) * (centres < 0)
    weight[:, -1] += np.where(weight.sum(axis=1) == 0, 1.0, 0.0) * (centres > size - 1)
    return csr_array((weight / weight.sum(axis=1, keepdims=True)).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Interpolator:
    """Linear interpolation along one axis: each new pixel lies between two old ones.

    Attributes:
        low, high: (n,) the two old pixels of every new one; the same one beyond the first and last centre.
        share: (n,) float32, weight of `high`.
    """

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    share: Image

    @classmethod
    def between(cls, count: int, spacing: float, size: int, wanted: float) -> Interpolator:
        """From `count` pixels of `spacing` to `size` pixels of `wanted` mm that begin at the same edge."""
        at: FloatArray = np.clip((np.arange(size) + 0.5) * wanted / spacing - 0.5, 0.0, count - 1.0)
        low = np.floor(at).astype(np.intp)
        return cls(low, np.minimum(low + 1, count - 1), (at - low).astype(np.float32))

    def part(self, first: int, last: int, offset: int, count: int) -> Interpolator:
        """Only the new pixels `first` to `last`, from only `count` old ones beginning with `offset`."""
        low, high = (np.clip(n[first:last] - offset, 0, count - 1) for n in (self.low, self.high))
        return Interpolator(low, high, self.share[first:last])

    def __call__(self, values: Image) -> Image:
        """(count, m) values to (n, m)."""
        share = self.share[:, None]
        return np.asarray(values[self.low] * (1 - share) + values[self.high] * share)


@dataclass(frozen=True, eq=False)
class Decided:
    """What the pixels of a slice are.

    Attributes:
        structure: (n, m) the most probable `Structure`.
        probability: (n, m) its probability times 255.
        likely_disc: (n, m) where the probability of disc times `LIKELY_ODDS` exceeds that of every other structure.
        likely_body: (n, m) where that of a vertebral body exceeds those of `KEEPING`, and times `BODY_ODDS` those of
            `YIELDING`.
    """

    structure: NDArray[np.uint8]
    probability: NDArray[np.uint8]
    likely_disc: NDArray[np.bool_]
    likely_body: NDArray[np.bool_]


def decide(probability: Image, rows: Interpolator, columns: Interpolator) -> Decided:
    """Decide each new pixel.

    Probabilities are interpolated, and decided then. Where the four old pixels around a new one are of one structure,
    that is the new one's too: only its own probability is interpolated there.

    Args:
        probability: (structures, rows, columns) of the old pixels.
        rows, columns: to the new ones.
    """
    own, top = _most_probable(probability)
    pairs = [(r, c) for r in (rows.low, rows.high) for c in (columns.low, columns.high)]
    structure, *others = (own[r][:, c] for r, c in pairs)
    value = _to_new(top, rows, columns)
    mixed = np.zeros(structure.shape, bool)
    for other in others:
        mixed |= other != structure
    r, c = np.nonzero(mixed)
    a, b = rows.share[r], columns.share[c]
    weights = ((1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b)
    between = np.zeros((len(probability), len(r)), np.float32)
    for (low_high_row, low_high_column), weight in zip(pairs, weights, strict=True):
        between += probability[:, low_high_row[r], low_high_column[c]] * weight
    structure[r, c], value[r, c] = _most_probable(between)
    disc, body = (_to_new(margin(probability), rows, columns) > 0 for margin in (_disc_margin, _body_margin))
    return Decided(structure, np.clip(value * 255.0 + 0.5, 0, 255).astype(np.uint8), disc, body)


def _to_new(values: Image, rows: Interpolator, columns: Interpolator) -> Image:
    return np.asarray(columns(np.ascontiguousarray(rows(values).T)).T)


def _disc_margin(probability: Image) -> Image:
    """By how much the probability of disc times `LIKELY_ODDS` exceeds the greatest of the others."""
    others = reduce(np.maximum, (p for n, p in enumerate(probability) if n != Structure.DISC))
    return np.asarray(LIKELY_ODDS * probability[Structure.DISC] - others)


def _body_margin(probability: Image) -> Image:
    """By how much the probability of a body exceeds `KEEPING`, or times `BODY_ODDS` exceeds `YIELDING`, if less."""
    body = probability[Structure.VERTEBRAL_BODY]
    kept, yielded = (reduce(np.maximum, (probability[one] for one in some)) for some in (KEEPING, YIELDING))
    return np.asarray(np.minimum(BODY_ODDS * body - yielded, body - kept))


def _most_probable(probability: Image) -> tuple[NDArray[np.uint8], Image]:
    """`argmax` and `max` along the first axis, at a fraction of numpy's time for so few."""
    top = probability[0].copy()
    own = np.zeros(top.shape, np.uint8)
    for n in range(1, len(probability)):
        more = probability[n] > top
        own[more] = n
        np.maximum(top, probability[n], out=top)
    return own, top
