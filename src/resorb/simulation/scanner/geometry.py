"""Where the slices lie: along the midline of the patient as he lies on the date, or along each disc."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from resorb.anatomy import Level
from resorb.simulation.phantom import Phantom
from resorb.simulation.scanner.protocol import matrix, spacing_mm
from resorb.simulation.spec import ScannerSpec
from resorb.study import FloatArray, turned

#: How far a technologist's midline is off, and how far the middle of the field lies from that of the spine; spread.
TILT_SD_DEG, OFFSET_SD_MM = 0.8, 3.0
#: The middle of the field lies this far behind the middle of the lumbar bodies (sagittal) or of the disc (axial).
SAGITTAL_BACK_MM, AXIAL_BACK_MM = 15.0, 15.0
#: The field ends at most this far above the centre of the highest vertebra.
TOP_MM = 12.0


class Lying(Protocol):
    """How the patient lies on a date (`resorb.simulation.course.Pose` is one)."""

    def to_rest(self, points: FloatArray) -> FloatArray:
        """Points (..., 3) of the date's world to the world of the phantom, RAS+ mm."""
        ...

    def vertebra(self, name: str) -> FloatArray:
        """(4, 4) from the world of the phantom to that of the date, exact on that vertebra."""
        ...


@dataclass(frozen=True, eq=False)
class Grid:
    """The pixels of one stack, in the order (slice, row, column).

    Attributes:
        affine: (4, 4); maps (slice, row, column) to the date's world, RAS+ mm. Sagittal slices run from right to
            left, their rows downwards, their columns backwards; axial slices run upwards, rows backwards, columns
            from right to left.
        thickness_mm: of a slice, gap left out.
    """

    shape: tuple[int, int, int]
    affine: FloatArray
    thickness_mm: float

    @property
    def spacing_mm(self) -> FloatArray:
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def to_world(self, index: FloatArray) -> FloatArray:
        """(slice, row, column) (..., 3) to world points."""
        return turned(index, self.affine[:3, :3]) + self.affine[:3, 3]


def grids(spec: ScannerSpec, phantom: Phantom, pose: Lying, rng: np.random.Generator) -> tuple[Grid, ...]:
    """The grid of each stack of a filled-in protocol."""
    if spec.plane == "axial":
        return tuple(_axial(spec, phantom, pose, level) for level in spec.stacks)
    return (_sagittal(spec, phantom, pose, rng),)


def moved(points: FloatArray, matrix_: FloatArray) -> FloatArray:
    """Points (..., 3) carried by a (4, 4)."""
    return turned(points, matrix_[:3, :3]) + matrix_[:3, 3]


def _sagittal(spec: ScannerSpec, phantom: Phantom, pose: Lying, rng: np.random.Generator) -> Grid:
    """Slices turned about the vertical and the anterior axis until they lie along the spine's midline."""
    bodies = [pose.vertebra(name) @ body.pose for name, body in phantom.vertebrae.items()]
    centres = np.array([body[:3, 3] for body in bodies])
    right = -np.mean([body[:3, 0] for body in bodies], axis=0)
    down = centres[-1] - centres[0]
    down[1] = 0.0
    error = np.tan(np.radians(rng.normal(0, TILT_SD_DEG, 2)))
    # The slices contain the line from the first to the last body, as it is seen from the front.
    normal = right / np.linalg.norm(right) - np.dot(right, down) / np.dot(down, down) * down
    normal = normal + np.array([0.0, error[0], error[1]])
    lumbar = [c for c, name in zip(centres, phantom.vertebrae, strict=True) if name.startswith("L")]
    middle = np.mean(lumbar, axis=0) - np.array([0.0, SAGITTAL_BACK_MM, 0.0])
    middle += rng.normal(0, OFFSET_SD_MM, 3) * [0.3, 1.0, 1.0]
    # Nothing is drawn above the highest vertebra: the field begins within it, and ends lower instead.
    middle[2] = min(middle[2], centres[0, 2] + TOP_MM - 0.5 * float(spec.field_of_view_mm or 0))
    return _grid(spec, middle, -normal, np.array([0.0, 0.0, -1.0]), np.array([0.0, -1.0, 0.0]))


def _axial(spec: ScannerSpec, phantom: Phantom, pose: Lying, level: Level) -> Grid:
    """Slices parallel to the plane midway between the two rims."""
    above, below = phantom.vertebrae[level.upper], phantom.vertebrae[level.lower]
    if above.lower_rim is None:
        raise ValueError(f"{level.upper} has no lower endplate")
    rims = (
        moved(above.lower_rim, pose.vertebra(level.upper)),
        moved(below.upper_rim, pose.vertebra(level.lower)),
    )
    normal = plane_normal(rims[0]) + plane_normal(rims[1])
    backwards = np.array([0.0, -1.0, 0.0]) - normal * (-normal[1]) / np.dot(normal, normal)
    backwards /= np.linalg.norm(backwards)
    middle = 0.5 * (rims[0].mean(0) + rims[1].mean(0)) + AXIAL_BACK_MM * backwards
    return _grid(spec, middle, normal, backwards, np.array([-1.0, 0.0, 0.0]))


def plane_normal(points: FloatArray) -> FloatArray:
    """(3,) unit normal of the plane through points (n, 3) by least squares, pointing upwards."""
    normal = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][-1]
    return np.asarray(normal * np.sign(normal[2]))


def _grid(
    spec: ScannerSpec, middle: FloatArray, normal: FloatArray, row: FloatArray, column: FloatArray
) -> Grid:
    """A grid about its middle; `row` and `column` point to the next row and column, roughly."""
    normal = normal / np.linalg.norm(normal)
    row = row - normal * (row @ normal)
    row /= np.linalg.norm(row)
    across = np.cross(normal, row)
    across *= np.sign(across @ column)
    n, count = matrix(spec), int(spec.slices or 0)
    pixel = float(spec.pixel_mm or 0)
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([normal * spacing_mm(spec), row * pixel, across * pixel])
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array([count, n, n]) - 1) / 2)
    return Grid((count, n, n), affine, float(spec.slice_mm or 0))
