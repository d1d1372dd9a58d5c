"""Evaluation implants: the room behind a disc, on a fine grid in the axes of the level's own frame.

Growing and pushing happen here, so that neither knows how the scan is stored or how thick its slices are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure
from resorb.errors import UsageError
from resorb.frame import Frame
from resorb.simulation.implant.scene import Scene
from resorb.study import FloatArray, Volume

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

PITCH_MM = 0.5
AHEAD_MM, BEHIND_MM, HALF_HEIGHT_MM, HALF_WIDTH_MM = 6.0, 26.0, 27.0, 22.0
#: Nothing grows nearer than this to the edge of the field: it would be cut off by it.
EDGE_MM = 1.5


@dataclass(frozen=True, eq=False)
class Room:
    """What lies where behind one disc, on a grid along (left, posterior, cranial) of the frame.

    Attributes:
        start: (3,) local mm of the first voxel's centre; the pitch is `PITCH_MM` along every axis.
        behind_mm: distance behind the reference surface; -inf to the side of both vertebrae.
        bone, disc, sac: what the labels say.
        seen: inside the field of the scan, and not at its edge.
    """

    frame: Frame
    start: FloatArray
    behind_mm: Field
    bone: Mask
    disc: Mask
    sac: Mask
    seen: Mask

    @property
    def shape(self) -> tuple[int, int, int]:
        a, b, c = self.bone.shape
        return a, b, c

    @property
    def fixed(self) -> Mask:
        """What nothing moves and nothing grows into: bone, and everything in front of the reference."""
        return self.bone | (self.behind_mm <= 0) | self.disc

    def depth_mm(self, left: float) -> float:
        """From the reference surface to the posterior border of the sac at disc height, this far to the left."""
        x, _, z = self.axes()
        line = (np.abs(x - left) <= 2.0) & (np.abs(z) <= 4.0) & self.sac
        return float(self.behind_mm[line if line.any() else self.sac].max())

    def bulge_mm(self, left: float) -> float:
        """How far the disc stands out already near a place this far to the left; 0 where it does not."""
        near = (np.abs(self.axes()[0] - left) <= 2.0) & self.disc & (self.behind_mm > 0)
        return float(self.behind_mm[near].max()) if near.any() else 0.0

    def axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Local mm along left, posterior and cranial, ready to be broadcast."""
        x, y, z = (
            (self.start[a] + PITCH_MM * np.arange(self.shape[a])).reshape(
                [-1 if b == a else 1 for b in range(3)]
            )
            for a in range(3)
        )
        return x, y, z

    def at(self, field: Field, local: Field) -> Field:
        """Values of a field of the room at points (3, ...) in local mm, interpolated; that of its edge beyond it."""
        index = (local - self.start.reshape(3, *[1] * (local.ndim - 1))) / PITCH_MM
        return np.asarray(ndimage.map_coordinates(field, index, order=1, mode="nearest"), np.float32)


def room_behind(scene: Scene) -> Room:
    """The room behind the disc of a scene.

    Raises:
        UsageError: no thecal sac is labelled there.
    """
    frame = scene.frame
    low, high = _across(scene.labels, frame)
    start = np.array([low, -AHEAD_MM, -HALF_HEIGHT_MM])
    count = np.ceil((np.array([high, BEHIND_MM, HALF_HEIGHT_MM]) - start) / PITCH_MM).astype(int) + 1
    axes = (s + PITCH_MM * np.arange(n) for s, n in zip(start, count, strict=True))
    local = np.stack(np.meshgrid(*axes, indexing="ij"))
    index = scene.to_index(local)

    def there(mask: Mask) -> Mask:
        share = ndimage.map_coordinates(mask.astype(np.float32), index, order=1, mode="nearest")
        return np.asarray(share > 0.5)

    inside = [
        (index[a] + 0.5 >= EDGE_MM / s) & (index[a] + 0.5 <= n - EDGE_MM / s)
        for a, (s, n) in enumerate(zip(scene.labels.spacing_mm, scene.index.shape, strict=True))
    ]
    sac = there(scene.structure(Structure.THECAL_SAC))
    if not sac.any():
        raise UsageError(f"no thecal sac is labelled behind {scene.level}: there is no canal to grow into")
    return Room(
        frame=frame,
        start=start,
        behind_mm=frame.behind_mm(frame.to_world(np.moveaxis(local, 0, -1))).astype(np.float32),
        bone=there(scene.bone),
        disc=there(scene.disc),
        sac=sac,
        seen=np.logical_and.reduce(inside),
    )


def _across(labels: Volume, frame: Frame) -> tuple[float, float]:
    """How far to the right and left of the frame the field reaches at the disc, at most `HALF_WIDTH_MM`."""
    middle = labels.to_index(frame.origin)
    ends = np.stack([np.array([k, *middle[1:]]) for k in (-0.5, labels.shape[0] - 0.5)])
    left = np.sort(frame.to_local(labels.to_world(ends))[:, 0])
    return max(float(left[0]), -HALF_WIDTH_MM), min(float(left[1]), HALF_WIDTH_MM)
