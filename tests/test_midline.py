"""The midline of bodies of closed form, however the patient lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from resorb.anatomy import Anatomy, Level, Structure
from resorb.midline import BY_CANAL, BY_SHAPE, midline_of
from resorb.segmentation.levels import name_levels
from resorb.study import FloatArray
from tests.spine import sampled

L4L5, L5S1 = Level("L4", "L5"), Level("L5", "S1")
LEFT = np.array([-1.0, 0.0, 0.0])


def spine(angles: tuple[float, float, float], slice_mm: float, half_field: float = 34.0) -> Anatomy:
    structures = sampled(spacing=(slice_mm, 0.8, 0.8), angles=angles, half_field=half_field)
    return name_levels(structures.sagittal(), None, source="closed form")


def off(found: FloatArray, angles: tuple[float, float, float]) -> float:
    """Of a world point, how far to the left of the patient's own median plane."""
    return float(Rotation.from_euler("xyz", angles, degrees=True).inv().apply(found) @ LEFT)


@pytest.mark.parametrize("level", [L4L5, L5S1])
@pytest.mark.parametrize("slice_mm", [1.0, 4.0])
@pytest.mark.parametrize("angles", [(0.0, 0.0, 8.0), (5.0, -7.0, 0.0), (6.0, 5.0, -8.0)])
def test_the_median_plane_of_a_turned_patient(
    level: Level, slice_mm: float, angles: tuple[float, float, float]
) -> None:
    found = midline_of(spine(angles, slice_mm), level)
    assert found.source == BY_SHAPE
    assert found.left is not None
    true = Rotation.from_euler("xyz", angles, degrees=True).apply(LEFT)
    assert np.degrees(np.arccos(found.left @ true)) < (1.0 if slice_mm < 2 else 2.0)
    assert abs(off(found.point, angles)) < 0.08 * max(slice_mm, 2.0)
    # From anywhere the plane is found again: here from 20 mm behind the bodies, 3 mm aside.
    behind = Rotation.from_euler("xyz", angles, degrees=True).apply(np.array([3.0, -20.0, 4.0]))
    assert found.aside_mm(behind, true) == pytest.approx(3.0, abs=0.4 if slice_mm < 2 else 0.8)


def test_wings_on_one_side_of_the_sacrum_do_not_move_the_midline_above_it() -> None:
    plain = spine((0.0, 0.0, 0.0), 2.0)
    grid, sacrum = plain.labels, plain.structure(Structure.SACRUM)
    wing = ndimage.binary_dilation(sacrum, iterations=12)
    wing[grid.shape[0] // 2 :] = False
    labels = np.where(wing & (grid.data == 0), grid.data[sacrum][0], grid.data).astype(np.uint16)
    before, after = (midline_of(one, L5S1) for one in (plain, replace(plain, labels=grid.with_data(labels))))
    np.testing.assert_allclose(after.point, before.point, atol=1e-9)


def test_bodies_that_the_field_cuts_leave_it_to_the_canal() -> None:
    found = midline_of(spine((0.0, 0.0, 0.0), 1.0, half_field=14.0), L4L5)
    assert (found.source, found.left) == (BY_CANAL, None)
    assert abs(found.point[0]) < 0.6


def test_a_body_whose_plane_misses_the_canal_is_not_believed() -> None:
    """A body of which an outline holds a block at one side besides: its own plane goes far from the canal."""
    anatomy = spine((0.0, 0.0, 0.0), 1.0)
    labels = anatomy.labels.data.copy()
    for name in ("L4", "L5"):
        body = np.argwhere(anatomy.body(name))
        block = body[body[:, 0] < np.quantile(body[:, 0], 0.35)]
        labels[tuple(block.T)] = 0
    broken = replace(anatomy, labels=anatomy.labels.with_data(labels))
    found = midline_of(broken, L4L5)
    assert found.source == BY_CANAL
    assert abs(off(found.point, (0.0, 0.0, 0.0))) < 0.5
