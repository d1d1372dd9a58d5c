"""What becomes of a herniation from one date to the next: its geometry itself moves.

Erosion takes a layer off the exposed surface, shrinkage scales the material towards its neck, retraction draws it
back along its neck into the disc; growth is shrinkage the other way. Each is carried to the volume asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.errors import UsageError
from resorb.simulation.phantom import Displaced, Phantom, Window
from resorb.simulation.spec import ChangeSpec
from resorb.study import FloatArray

GONE_MM3 = 1.0  # less than this is nothing
MAX_SCALE = 1.5
_SOLID = (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM, Structure.DISC)
Field = NDArray[np.float32]


def evolve(phantom: Phantom, displaced: Displaced, change: ChangeSpec) -> Displaced | None:
    """The herniation as it is on the next date; None where nothing is left of it.

    Args:
        phantom: the spine at rest, with nothing displaced.
        displaced: the herniation of the date before.

    Raises:
        UsageError: a free fragment is to retract, though it has no neck.
    """
    if "retraction" in change.by and change.remaining < 1 and displaced.spec.type == "sequestration":
        raise UsageError("a sequestration cannot retract: it has lost its neck; use erosion or shrinkage")
    material = _Material.of(phantom, displaced)
    start = material.volume_mm3()
    if change.remaining * start < GONE_MM3:
        return None
    if change.remaining > 1:
        material = _reach(material, change.remaining * start, _Material.scaled, (1.0, MAX_SCALE))
    elif change.remaining < 1:
        total = sum(change.by.values())
        # Each way takes its share of the loss, on the logarithm, so that their order does not matter much.
        for name, weight in sorted(change.by.items()):
            wanted = material.volume_mm3() * change.remaining ** (weight / total)
            make, bounds = _WAYS[name]
            material = _reach(material, wanted, make, bounds)
    mix = np.round(material.mix * (1 - change.darkening)).astype(np.uint8)
    return replace(displaced, window=material.window, distance=material.distance, mix=mix)


@dataclass(frozen=True, eq=False)
class _Material:
    """Material on its window, and what of the window lies outside disc and bone.

    Attributes:
        bare: neither disc nor bone: there material is displaced, and exposed where it ends.
        anchor: (3,) world mm, what it shrinks towards; along: (3,) unit vector from the disc outwards.
    """

    phantom: Phantom
    window: Window
    distance: Field
    mix: NDArray[np.uint8]
    bare: NDArray[np.bool_]
    anchor: FloatArray
    along: FloatArray

    @classmethod
    def of(cls, phantom: Phantom, displaced: Displaced) -> _Material:
        bare = _bare(phantom, displaced.window)
        inside = (displaced.distance < 0) & bare
        if not inside.any():
            raise ValueError("nothing of this herniation lies outside its disc")
        x, y, z = phantom.fine.axes(displaced.window)
        index = np.argwhere(inside)
        middle = np.array([axis[index[:, a]].mean() for a, axis in enumerate((x, y, z))])
        free = displaced.spec.type == "sequestration"
        along = middle - displaced.exit_point
        return cls(
            phantom,
            displaced.window,
            displaced.distance,
            displaced.mix,
            bare,
            middle if free else displaced.exit_point,
            along / max(float(np.linalg.norm(along)), 1e-6),
        )

    def volume_mm3(self) -> float:
        """Displaced volume; the surface counts to a fraction of a voxel."""
        pitch = self.phantom.fine.pitch_mm
        return float(np.clip(0.5 - self.distance / pitch, 0, 1)[self.bare].sum()) * pitch**3

    def eroded(self, layer_mm: float) -> _Material:
        """Without the outer layer of its exposed surface."""
        pitch = self.phantom.fine.pitch_mm
        air = (self.distance >= 0) & self.bare
        if not air.any():
            return self
        # Depth below the exposed surface: to the nearest bare voxel, less how far that one lies outside.
        away, nearest = ndimage.distance_transform_edt(~air, sampling=pitch, return_indices=True)
        depth = away - self.distance[tuple(nearest)]
        exposed = np.maximum(self.distance, (layer_mm - depth).astype(np.float32))
        beyond = self.distance + np.float32(layer_mm)
        return replace(self, distance=np.where(self.distance < 0, exposed, beyond))

    def scaled(self, scale: float) -> _Material:
        """Scaled about its anchor; a larger one gets a larger window."""
        window = self.window if scale <= 1 else self._widened(scale)
        sample = self._sampler(window, lambda p: self.anchor + (p - self.anchor) / scale)
        distance = scale * sample(self.distance, 1)
        mix = sample(self.mix, 0).astype(np.uint8)
        bare = _bare(self.phantom, window)
        return replace(self, window=window, distance=distance, mix=mix, bare=bare)

    def retracted(self, way_mm: float) -> _Material:
        """Drawn back along its neck; what passes the disc's margin is disc again."""
        sample = self._sampler(self.window, lambda p: p + way_mm * self.along)
        return replace(self, distance=sample(self.distance, 1), mix=sample(self.mix, 0).astype(np.uint8))

    def _widened(self, scale: float) -> Window:
        x, y, z = self.phantom.fine.axes(self.window)
        low, high = (np.array([axis[end] for axis in (x, y, z)]) for end in (0, -1))
        return self.phantom.fine.window(
            self.anchor + scale * (low - self.anchor), self.anchor + scale * (high - self.anchor)
        )

    def _sampler(
        self, window: Window, origin_of: Callable[[FloatArray], FloatArray]
    ) -> Callable[[NDArray[np.generic], int], Field]:
        """Reads this window's arrays at where each voxel of another window comes from."""
        fine = self.phantom.fine
        points = np.stack(np.meshgrid(*fine.axes(window), indexing="ij"), -1)
        first = np.array([axis[0] for axis in fine.axes(self.window)])
        index = np.moveaxis((origin_of(points) - first) / fine.pitch_mm, -1, 0)
        return lambda values, order: ndimage.map_coordinates(
            values, index, order=order, mode="nearest", output=np.float32
        )


def _bare(phantom: Phantom, window: Window) -> NDArray[np.bool_]:
    return ~np.isin(phantom.anatomy[window] // STRUCTURE_STEP, [int(structure) for structure in _SOLID])


def _reach(
    material: _Material,
    volume_mm3: float,
    make: Callable[[_Material, float], _Material],
    bounds: tuple[float, float],
) -> _Material:
    """Carry one way of changing to a volume."""

    def excess(amount: float) -> float:
        return make(material, amount).volume_mm3() - volume_mm3

    low, high = bounds
    if excess(low) * excess(high) > 0:
        raise UsageError(f"a herniation cannot be changed to {volume_mm3:.0f} mm3 in that way")
    return make(material, float(optimize.brentq(excess, low, high, xtol=1e-3)))


_WAYS: dict[str, tuple[Callable[[_Material, float], _Material], tuple[float, float]]] = {
    "erosion": (_Material.eroded, (0.0, 20.0)),
    "shrinkage": (_Material.scaled, (0.05, 1.0)),
    "retraction": (_Material.retracted, (0.0, 45.0)),
}
