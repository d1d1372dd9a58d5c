"""Painted voids of known width, where metal lies and where other dark things do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.anatomy import Structure
from resorb.segmentation.bounds import MIN_VOID_RADIUS_MM
from resorb.segmentation.metal import metal_like_void_mm
from resorb.segmentation.suitability import check_suitability
from resorb.study import Volume
from tests.segmentation.look import named, scan, structures, world

SPINE = structures()
AT = world(SPINE)


def ball(right: float, anterior: float, superior: float, radius: float) -> NDArray[np.bool_]:
    return np.asarray(np.linalg.norm(AT - [right, anterior, superior], axis=-1) < radius)


def void(where: NDArray[np.bool_], rim: NDArray[np.bool_] | None = None) -> tuple[Volume, Volume]:
    """(image, structures) with a void that a model sees as background, and the pile-up of signal about it."""
    image = scan(SPINE, "T2")
    if rim is not None:
        image.data[rim] *= 3.0
    image.data[where] = 1.0
    return image, SPINE.with_data(np.where(where, 0, SPINE.data).astype(np.uint8))


@pytest.mark.parametrize("radius", [7.0, 9.0])
def test_a_void_at_the_pedicle_is_found_with_its_width(radius: float) -> None:
    """Behind the body of L4, where a pedicle screw goes; the slice through its middle shows its full width."""
    where = ball(12.0, -1.0, 18.0, radius)
    image, found = void(where, ball(12.0, -1.0, 18.0, radius + 2.5))
    assert metal_like_void_mm(image, found.data) == pytest.approx(radius, abs=1.6)
    warnings = check_suitability(image, named(found))
    assert len(warnings) == 1 and "as metal makes" in warnings[0]


def test_what_is_naturally_dark_is_no_metal() -> None:
    small = ball(12.0, -1.0, 18.0, 3.0)  # a facet's cortex, a vein
    vessel = ball(0.0, 47.0, 18.0, 9.0)  # the aorta's flow void
    discs = SPINE.data == Structure.DISC  # worn discs, a vacuum phenomenon
    air = AT[..., 1] < AT[..., 1].min() + 25.0  # behind the skin
    for where in (small, vessel, discs, air):
        image = scan(SPINE, "T2")
        image.data[where] = 0.0
        assert metal_like_void_mm(image, SPINE.data) < MIN_VOID_RADIUS_MM


def test_nothing_segmented_is_no_metal() -> None:
    assert metal_like_void_mm(scan(SPINE, "T2"), np.zeros(SPINE.shape, np.uint8)) == 0.0
