"""The nucleus's signal on a painted disc whose parts have known greys."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.anatomy import Level
from resorb.frame import Frame, Rim
from resorb.measurement.nucleus import nucleus_ratio
from resorb.study import Volume

#: Disc from 30 mm in front of the frame's origin to it, 10 mm high; sac 4 to 14 mm behind it.
SHAPE, SPACING = (9, 100, 140), (4.0, 0.6, 0.6)
NUCLEUS, ANNULUS, CSF = 120.0, 30.0, 400.0


def frame() -> Frame:
    rims = [Rim(np.array([-20.0, 20.0]), np.zeros(2), np.full(2, z), (0.0, 0.0), "test") for z in (5.0, -5.0)]
    axes = np.array([[-1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])
    return Frame(Level("L4", "L5"), np.zeros(3), axes, rims[0], rims[1], 0.0, 0.0, 10.0, "test")


def painted() -> tuple[Volume, NDArray[np.bool_], NDArray[np.bool_]]:
    affine = np.eye(4)
    # (slice, row, column) = (right to left, upwards, backwards)
    affine[:3, :3] = np.array([[-SPACING[0], 0, 0], [0, 0, -SPACING[2]], [0, SPACING[1], 0]])
    affine[:3, 3] = [16.0, 45.0, -30.0]
    blank = Volume(np.zeros(SHAPE, np.float32), affine).sagittal()
    left, back, up = np.moveaxis(
        frame().to_local(blank.to_world(np.moveaxis(np.indices(blank.shape), 0, -1))), -1, 0
    )
    disc = (np.abs(left) < 15) & (back > -30) & (back < 0) & (np.abs(up) < 5)
    core = disc & (np.abs(back + 15) < 9.5) & (np.abs(up) < 3.5)
    sac = (np.abs(left) < 9) & (back > 4) & (back < 14)
    data = np.where(core, NUCLEUS, np.where(disc, ANNULUS, np.where(sac, CSF, 20.0))).astype(np.float32)
    return blank.with_data(data), disc, sac


def test_the_ratio_is_that_of_the_middle_of_the_disc() -> None:
    image, disc, sac = painted()
    found = nucleus_ratio(image, np.argwhere(disc), sac, frame())
    assert found.value == pytest.approx(NUCLEUS / CSF, rel=0.02)


def test_what_is_displaced_is_no_nucleus() -> None:
    image, disc, sac = painted()
    local = frame().to_local(image.to_world(np.moveaxis(np.indices(image.shape), 0, -1)))
    behind = (
        (np.abs(local[..., 0]) < 6) & (local[..., 1] >= 0) & (local[..., 1] < 8) & (np.abs(local[..., 2]) < 4)
    )
    image.data[behind] = 5.0
    found = nucleus_ratio(image, np.argwhere(disc | behind), sac & ~behind, frame())
    assert found.value == pytest.approx(NUCLEUS / CSF, rel=0.02)


def test_without_disc_or_csf_there_is_a_reason() -> None:
    image, disc, sac = painted()
    assert "too small" in nucleus_ratio(image, np.zeros((0, 3), np.intp), sac, frame()).reason
    assert "no CSF" in nucleus_ratio(image, np.argwhere(disc), np.zeros_like(sac), frame()).reason
