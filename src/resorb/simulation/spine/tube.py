"""A structure that runs along the trunk."""

from __future__ import annotations

from dataclasses import dataclass

from resorb.study import FloatArray


@dataclass(frozen=True, eq=False)
class Tube:
    """A structure that runs along the trunk: an ellipse at each height.

    Attributes:
        x, y: (nz,) middle, world mm.
        half_width, half_depth: (nz,) mm; nothing where one is 0.
    """

    x: FloatArray
    y: FloatArray
    half_width: FloatArray
    half_depth: FloatArray
