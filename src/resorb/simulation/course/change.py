"""What becomes of a herniation from one date to the next: its geometry itself moves.

Erosion takes a layer off the exposed surface, shrinkage scales the material towards its neck, retraction draws it
back along its neck into the disc; growth is shrinkage the other way. Each is carried to the volume asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.errors import UsageError
from resorb.simulation.herniation.margin import Margin, margin_of
from resorb.simulation.herniation.volume import displaced_cells
from resorb.simulation.phantom import Displaced, Phantom, Window
from resorb.simulation.spec import ChangeSpec
from resorb.study import FloatArray

GONE_MM3 = 1.0  # less than this is nothing
MAX_SCALE = 1.8
SLACK = 1.05  # more than the scale of growth that meets no bone
_SOLID = (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM, Structure.DISC)
Field = NDArray[np.float32]


def evolve(phantom: Phantom, displaced: Displaced, change: ChangeSpec) -> Displaced | None:
    """The herniation as it is on the next date; None where nothing is left of it.

    Args:
        phantom: the spine at rest, with nothing displaced.
        displaced: the herniation of the date before.

    Raises:
        UsageError: a free fragment is to retract, though it has no neck; or the volume cannot be reached.
    """
    if "retraction" in change.by and change.remaining < 1 and displaced.spec.type == "sequestration":
        raise UsageError("a sequestration cannot retract: it has lost its neck; use erosion or shrinkage")
    material = _Material.of(phantom, displaced)
    if material is None or change.remaining * material.volume_mm3 < GONE_MM3:
        return None
    if change.remaining > 1:
        # Large windows are slow: the largest scale is tried only where bone takes much of the growth.
        likely = min(SLACK * float(np.cbrt(change.remaining)), MAX_SCALE)
        wanted = change.remaining * material.volume_mm3
        material = _reach(material, wanted, _Material.scaled, (1.0, likely, MAX_SCALE))
    elif change.remaining < 1:
        total = sum(change.by.values())
        # Each way takes its share of the loss, on the logarithm, so that their order does not matter much.
        for name, weight in sorted(change.by.items()):
            wanted = material.volume_mm3 * change.remaining ** (weight / total)
            make, bounds = _WAYS[name]
            material = _reach(material, wanted, make, bounds)
    mix = np.round(material.mix * (1 - change.darkening)).astype(np.uint8)
    return replace(displaced, window=material.window, distance=material.distance, mix=mix)


@dataclass(frozen=True, eq=False)
class _Material:
    """Material on its window.

    Attributes:
        margin: of its disc.
        anchor: (3,) world mm, what it shrinks towards; along: (3,) unit vector from the disc outwards.
    """

    phantom: Phantom
    margin: Margin
    window: Window
    distance: Field
    mix: NDArray[np.uint8]
    anchor: FloatArray
    along: FloatArray

    @classmethod
    def of(cls, phantom: Phantom, displaced: Displaced) -> _Material | None:
        """None where nothing of it is displaced."""
        margin = margin_of(phantom, displaced.level)
        cells = displaced_cells(phantom, margin, displaced.window, displaced.distance)
        if not cells.share.any():
            return None
        places = zip(phantom.fine.axes(displaced.window), cells.index, strict=True)
        middle = np.array([np.average(axis[index], weights=cells.share) for axis, index in places])
        free = displaced.spec.type == "sequestration"
        along = middle - displaced.exit_point
        return cls(
            phantom,
            margin,
            displaced.window,
            displaced.distance,
            displaced.mix,
            middle if free else displaced.exit_point,
            along / max(float(np.linalg.norm(along)), 1e-6),
        )

    @cached_property
    def volume_mm3(self) -> float:
        """Displaced volume; the surface counts to a fraction of a voxel."""
        return displaced_cells(self.phantom, self.margin, self.window, self.distance).volume_mm3

    @cached_property
    def depth_mm(self) -> Field | None:
        """Depth below the exposed surface; None where none of it is exposed."""
        structure = self.phantom.anatomy[self.window] // STRUCTURE_STEP
        air = (self.distance >= 0) & ~np.isin(structure, [int(solid) for solid in _SOLID])
        if not air.any():
            return None
        pitch = self.phantom.fine.pitch_mm
        # To the nearest voxel of neither disc nor bone, less how far that one lies outside.
        away, nearest = ndimage.distance_transform_edt(~air, sampling=pitch, return_indices=True)
        depth = np.asarray(away - self.distance[tuple(nearest)], np.float32)
        # No point is less deep than it is far from the whole surface, however coarse the grid.
        return np.maximum(depth, -self.distance)

    def eroded(self, layer_mm: float) -> _Material:
        """Without the outer layer of its exposed surface."""
        if self.depth_mm is None:
            return self
        exposed = np.maximum(self.distance, np.float32(layer_mm) - self.depth_mm)
        beyond = self.distance + np.float32(layer_mm)
        return replace(self, distance=np.where(self.distance < 0, exposed, beyond))

    def scaled(self, scale: float) -> _Material:
        """Scaled about its anchor; a larger one gets a larger window."""
        window = self.window if scale <= 1 else self._widened(scale)
        distance, mix = self._read(window, lambda p: self.anchor + (p - self.anchor) / scale)
        return replace(self, window=window, distance=np.float32(scale) * distance, mix=mix)

    def retracted(self, way_mm: float) -> _Material:
        """Drawn back along its neck; what passes the disc's margin is disc again."""
        distance, mix = self._read(self.window, lambda p: p + way_mm * self.along)
        return replace(self, distance=distance, mix=mix)

    def _widened(self, scale: float) -> Window:
        x, y, z = self.phantom.fine.axes(self.window)
        low, high = (np.array([axis[end] for axis in (x, y, z)]) for end in (0, -1))
        return self.phantom.fine.window(
            self.anchor + scale * (low - self.anchor), self.anchor + scale * (high - self.anchor)
        )

    def _read(
        self, window: Window, origin_of: Callable[[FloatArray], FloatArray]
    ) -> tuple[Field, NDArray[np.uint8]]:
        """Distance and mix at where each voxel of a window comes from."""
        fine = self.phantom.fine
        points = np.stack(np.meshgrid(*fine.axes(window), indexing="ij"), -1)
        first = np.array([axis[0] for axis in fine.axes(self.window)])
        index = np.moveaxis((origin_of(points) - first) / fine.pitch_mm, -1, 0)
        last = np.array(self.distance.shape).reshape(3, 1, 1, 1) - 1
        # Outside this window nothing was drawn: the distance grows with the way there.
        way = fine.pitch_mm * np.sqrt(np.square(index - np.clip(index, 0, last)).sum(0))
        distance, mix = (
            ndimage.map_coordinates(values, index, order=order, mode="nearest", output=np.float32)
            for values, order in ((self.distance, 1), (self.mix, 0))
        )
        return distance + way.astype(np.float32), mix.astype(np.uint8)


def _reach(
    material: _Material,
    volume_mm3: float,
    make: Callable[[_Material, float], _Material],
    bounds: tuple[float, ...],
) -> _Material:
    """Carry one way of changing to a volume; of the bounds, the first after the lowest that suffices is used."""

    @cache
    def made(amount: float) -> _Material:
        return make(material, amount)

    def excess(amount: float) -> float:
        return made(amount).volume_mm3 - volume_mm3

    low, *highest = bounds
    high = next((high for high in highest if excess(low) * excess(high) <= 0), None)
    if high is None:
        raise UsageError(f"a herniation cannot be changed to {volume_mm3:.0f} mm3 in that way")
    return made(float(optimize.brentq(excess, low, high, xtol=1e-3)))


_WAYS: dict[str, tuple[Callable[[_Material, float], _Material], tuple[float, float]]] = {
    "erosion": (_Material.eroded, (0.0, 20.0)),
    "shrinkage": (_Material.scaled, (0.05, 1.0)),
    "retraction": (_Material.retracted, (0.0, 45.0)),
}
