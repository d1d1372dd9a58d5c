"""The midline of a level, and which way its vertebrae are turned, from bodies and canal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import Anatomy, Level, Structure
from resorb.study import FloatArray, Volume
from resorb.voxels import index_of

BY_SHAPE, BY_CANAL = "the shape of the bodies", "the canal behind the two bodies"
CANAL_ROWS_MM = 8.0  # above and below the middle of a body
#: A plane that passes the canal behind its own body at more than this is that of a body badly outlined. Found on true
#: masks of simulated patients: at most 2.5 mm (98 bodies); on the embedded model's: above 4 mm in a tenth, up to 16 mm.
MAX_OFF_CANAL_MM = 3.5
EDGE_SHARE = 0.1  # of a body's largest section: one with less on the field's last slice is whole


@dataclass(frozen=True, eq=False)
class Midline:
    """The median plane at a level.

    Attributes:
        point: (3,) RAS+ mm in it.
        left: (3,) unit vector at right angles to it, to the patient's left; None where the bodies are cut.
        source: what it was found on, in words.
    """

    point: FloatArray
    left: FloatArray | None
    source: str

    def aside_mm(self, point: FloatArray, along: FloatArray) -> float:
        """How far a world point (3,) has to move along a direction (3,) to lie in the plane."""
        normal = along if self.left is None else self.left
        return float((self.point - point) @ normal / (along @ normal))


def midline_of(anatomy: Anatomy, level: Level) -> Midline:
    """The median plane of a level, in labels of sagittal order.

    A vertebral body is the same on both sides: its plane of symmetry holds its centroid, and its normal is one of its
    principal axes of inertia. Above the sacrum, whose wings leave the field, L5 alone gives the plane. In a slab that
    cuts the bodies, or where they are outlined so badly that their plane misses the canal, the canal behind the two
    bodies does (at body height, where a herniation of this disc pushes it least).
    """
    labels = anatomy.labels
    names = (level.upper,) if level.lower == "S1" else (level.upper, level.lower)
    planes = [plane for name in names if (plane := _plane(anatomy, name)) is not None]
    if planes:
        point, normal = (np.mean(part, axis=0) for part in zip(*planes, strict=True))
        return Midline(np.asarray(point), np.asarray(normal / np.linalg.norm(normal)), BY_SHAPE)
    found = [index_of(anatomy.body(name)) for name in (level.upper, level.lower)]
    if (canal := _behind_bodies(anatomy, found)) is not None:
        return Midline(canal, None, BY_CANAL)
    return Midline(labels.to_world(np.concatenate(found).mean(axis=0)), None, "the middle of the field")


def _plane(anatomy: Anatomy, vertebra: str) -> tuple[FloatArray, FloatArray] | None:
    """Plane of symmetry of a body, as `_symmetry`; None too where the canal does not lie in it."""
    body = anatomy.body(vertebra)
    plane = _symmetry(anatomy.labels, body)
    canal = None if plane is None else _behind_bodies(anatomy, [index_of(body)])
    if plane is None or canal is None or abs(float((canal - plane[0]) @ plane[1])) <= MAX_OFF_CANAL_MM:
        return plane
    return None


def _symmetry(labels: Volume, body: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray] | None:
    """(centroid (3,), unit normal (3,) to the left) of a body's plane of symmetry; None where the field cuts it."""
    section = np.count_nonzero(body, axis=(1, 2))
    if not section.any() or max(section[0], section[-1]) > EDGE_SHARE * section.max():
        return None
    world = labels.to_world(index_of(body))
    centroid = world.mean(axis=0)
    # A voxel is a box, not a point.
    spread = np.cov((world - centroid).T) + labels.affine[:3, :3] @ labels.affine[:3, :3].T / 12.0
    axes = np.linalg.eigh(spread)[1].T
    normal = axes[np.argmax(np.abs(axes[:, 0]))]
    return centroid, -normal * np.sign(normal[0])  # in RAS+ the left is -x


def _behind_bodies(anatomy: Anatomy, bodies: list[NDArray[np.intp]]) -> FloatArray | None:
    """Middle (3,) of the canal at the height of two bodies, given by their voxels; None where no canal is seen."""
    labels = anatomy.labels
    sac = index_of(anatomy.structure(Structure.THECAL_SAC))
    heights = [float(np.median(body[:, 1])) for body in bodies if len(body)]
    if not len(sac) or not heights:
        return None
    away = np.min([np.abs(sac[:, 1] - height) for height in heights], axis=0) * labels.spacing_mm[1]
    near = away < CANAL_ROWS_MM
    # A point in the canal itself: a turned patient's midline is not at one x all the way forward.
    return np.asarray(np.median(labels.to_world(sac[near]), axis=0)) if near.any() else None
