"""Phantoms of a few blocks, and rigid ways to lie, for tests of the scanner."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.phantom import Phantom, Tissues
from resorb.simulation.spec import ScannerSpec
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray
from tests.simulation import toy

#: No artefact at all, and hardly any noise.
CLEAN = ScannerSpec(
    snr=500,
    shading=0,
    ghosting=0,
    flow_void=0,
    chemical_shift_px=0,
    saturation=0,
    slices=3,
    pixel_mm=1.0,
    field_of_view_mm=200,
)


@dataclass(frozen=True, eq=False)
class Rigid:
    """The phantom lies as it was drawn, moved as a whole by `move` (4, 4)."""

    move: FloatArray = field(default_factory=lambda: np.eye(4))

    def to_rest(self, points: FloatArray) -> FloatArray:
        back = np.linalg.inv(self.move)
        return np.asarray(np.asarray(points) @ back[:3, :3].T + back[:3, 3])

    def vertebra(self, name: str) -> FloatArray:
        return self.move


_SPINE = toy.phantom(2.0)


def turned(deg: float, axis: int, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Rigid:
    """Turned by an angle about a world axis, then shifted (mm)."""
    c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))
    a, b = [other for other in range(3) if other != axis]
    move = np.eye(4)
    move[[a, a, b, b], [a, b, a, b]] = [c, -s, s, c]
    move[:3, 3] = shift
    return Rigid(move)


def halves(first: Tissue, second: Tissue, axis: int, at_mm: float, pitch_mm: float = 0.5) -> Phantom:
    """The toy spine's landmarks, filled with two tissues that meet in a plane at right angles to an axis.

    `first` lies below `at_mm` and is labelled as thecal sac; `at_mm` must be a border of voxels.
    """
    spine = _SPINE
    low, high = np.array([-40.0, -45.0, -80.0]), np.array([40.0, 45.0, 80.0])
    shape = np.round((high - low) / pitch_mm).astype(int)
    affine = np.diag([pitch_mm, pitch_mm, pitch_mm, 1.0])
    affine[:3, 3] = low + pitch_mm / 2
    place = affine[axis, 3] + pitch_mm * np.arange(shape[axis])
    below = np.broadcast_to((place < at_mm).reshape([-1 if a == axis else 1 for a in range(3)]), tuple(shape))
    tissue = np.where(below, np.uint8(first), np.uint8(second))
    anatomy = np.where(below, np.uint16(anatomy_index(Structure.THECAL_SAC)), np.uint16(0))
    return replace(spine, fine=Tissues(tissue, np.zeros(tissue.shape, np.uint8), affine), anatomy=anatomy)


def filled(tissue: Tissue, mix: int = 0) -> Phantom:
    """One tissue everywhere in the fine grid, but for a rod of CSF behind the bodies; air around."""
    whole = halves(tissue, tissue, 0, 0.0, 1.0)
    fine = Tissues(whole.fine.tissue.copy(), np.full_like(whole.fine.mix, mix), whole.fine.affine)
    rod = (slice(30, 50), slice(25, 40), slice(None))
    fine.tissue[rod], fine.mix[rod] = Tissue.CSF, 0
    anatomy = np.zeros_like(whole.anatomy)
    anatomy[rod] = anatomy_index(Structure.THECAL_SAC)
    around = Tissues(np.zeros_like(whole.around.tissue), whole.around.mix, whole.around.affine)
    return replace(whole, fine=fine, anatomy=anatomy, around=around)


def crossing(values: FloatArray, level: float) -> float:
    """Fractional index at which a profile first passes a level."""
    above = values >= level
    first = int(np.flatnonzero(above[1:] != above[:-1])[0])
    share = (level - values[first]) / (values[first + 1] - values[first])
    return first + float(share)
