"""Every quantity against closed forms of simple shapes."""

from __future__ import annotations

import numpy as np
import pytest

from resorb.simulation.truth import FocalTruth, LevelTruth
from tests.simulation import toy
from tests.simulation.truth.shapes import box, ellipsoid, painted, truth, union

#: Half widths of the toy's canal: 26 wide, 22 deep at every height.
CANAL_MM2 = 2 * toy.FACET_MM * toy.LAMINA_MM
SAC_MM2 = np.pi * toy.SAC_HALF_WIDTH_MM * toy.SAC_DEPTH_MM / 2


def only(level: LevelTruth) -> FocalTruth:
    assert len(level.focal) == 1
    return level.focal[0]


@pytest.mark.parametrize("number", range(6))
def test_half_an_ellipsoid_behind_the_disc(number: int) -> None:
    rng = np.random.default_rng(number)
    centre = rng.uniform((-4, -1), (4, 1))
    a, b, c = half = tuple(rng.uniform((5, 4.5, 3.5), (8, 8, 4)))
    level = truth(painted(ellipsoid((centre[0], 0.0, centre[1]), half)))
    sizes = only(level).sizes
    assert sizes.volume_mm3.value == pytest.approx(2 / 3 * np.pi * a * b * c, rel=0.01)
    assert sizes.depth_mm.value == pytest.approx(b, rel=0.01)
    assert sizes.width_mm.value == pytest.approx(2 * a, rel=0.01)
    assert sizes.height_mm.value == pytest.approx(2 * c, rel=0.01)
    assert sizes.axial_area_mm2.value == pytest.approx(np.pi / 2 * a * b, rel=0.01)
    assert sizes.sagittal_area_mm2.value == pytest.approx(np.pi / 2 * b * c, rel=0.01)
    assert sizes.contact_mm2.value == pytest.approx(np.pi * a * c, rel=0.01)
    assert sizes.axial.base_mm.value == pytest.approx(2 * a, rel=0.01)
    assert sizes.sagittal.base_mm.value == pytest.approx(2 * c, rel=0.01)
    assert sizes.apex == pytest.approx((centre[0], -b, centre[1]), abs=0.8)
    assert level.canal_occupied.value == pytest.approx(np.pi / 2 * a * b / CANAL_MM2, rel=0.01)


def test_the_same_shape_known_by_its_voxels_alone() -> None:
    sizes = truth(painted(ellipsoid((-5, 0, 0), (7, 6, 4.5)), known=False)).sizes
    assert sizes.volume_mm3.value == pytest.approx(2 / 3 * np.pi * 7 * 6 * 4.5, rel=0.01)
    assert sizes.depth_mm.value == pytest.approx(6, abs=0.1)
    assert sizes.width_mm.value == pytest.approx(14, abs=0.15)
    assert sizes.height_mm.value == pytest.approx(9, abs=0.15)


def test_half_a_cylinder_across_the_disc() -> None:
    """Axis from left to right: 20 wide, radius 4."""

    def lying(x, y, z):  # type: ignore[no-untyped-def]
        return np.maximum(np.abs(x) - 10.0, np.hypot(y, z) - 4.0)

    sizes = only(truth(painted(lying))).sizes
    assert sizes.volume_mm3.value == pytest.approx(np.pi * 8 * 20, rel=0.01)
    assert sizes.depth_mm.value == pytest.approx(4, rel=0.01)
    assert sizes.width_mm.value == pytest.approx(20, rel=0.01)
    assert sizes.axial_area_mm2.value == pytest.approx(80, rel=0.01)
    assert sizes.sagittal_area_mm2.value == pytest.approx(np.pi * 8, rel=0.01)
    assert sizes.contact_mm2.value == pytest.approx(160, rel=0.01)


def test_a_free_sphere_behind_the_body_above() -> None:
    one = only(truth(painted(ellipsoid((4, -9, 12), (5, 5, 5)))))
    assert not one.continuous
    assert one.sizes.volume_mm3.value == pytest.approx(4 / 3 * np.pi * 125, rel=0.01)
    assert one.sizes.depth_mm.value == pytest.approx(14, rel=0.01)
    assert one.sizes.contact_mm2.value == 0
    assert one.sizes.cranial_migration_mm.value == pytest.approx(12, rel=0.01)
    assert one.sizes.caudal_migration_mm.value == 0
    for plane in (one.sizes.axial, one.sizes.sagittal):
        assert plane.base_mm.value == 0
        assert plane.extent_mm.value == pytest.approx(10, rel=0.01)


def test_a_box_that_migrates_8_mm_down_behind_the_body_below() -> None:
    sizes = only(truth(painted(box((-10, -6, -13), (-2, 2, 4))))).sizes
    assert sizes.volume_mm3.value == pytest.approx(8 * 6 * 17, rel=0.01)
    assert sizes.depth_mm.value == pytest.approx(6, rel=0.01)
    assert sizes.width_mm.value == pytest.approx(8, rel=0.01)
    assert sizes.height_mm.value == pytest.approx(17, rel=0.01)
    assert sizes.caudal_migration_mm.value == pytest.approx(8, rel=0.01)
    assert sizes.cranial_migration_mm.value == 0
    assert sizes.contact_mm2.value == pytest.approx(8 * 9, rel=0.01)
    assert sizes.sagittal.base_mm.value == pytest.approx(9, rel=0.01)
    assert sizes.sagittal.extent_mm.value == pytest.approx(17, rel=0.01)
    assert sizes.sagittal_area_mm2.value == pytest.approx(6 * 17, rel=0.01)


def test_a_head_on_a_neck() -> None:
    """A neck 4 wide and 6 high, a head 12 wide, 9 deep and 8 high."""
    sizes = only(
        truth(painted(union(box((-8, -3, -3), (-4, 1, 3)), ellipsoid((-6, -7, 0), (6, 4.5, 4)))))
    ).sizes
    assert sizes.axial.base_mm.value == pytest.approx(4, rel=0.01)
    assert sizes.axial.extent_mm.value == pytest.approx(12, rel=0.01)
    assert sizes.sagittal.base_mm.value == pytest.approx(6, rel=0.01)
    assert sizes.sagittal.extent_mm.value == pytest.approx(8, rel=0.01)
    assert sizes.contact_mm2.value == pytest.approx(24, rel=0.01)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_box_beside_the_disc(side: float) -> None:
    low, high = sorted((side * 22.0, side * 30.0))
    level = truth(painted(box((low, 4, -3), (high, 11, 3))))
    sizes = only(level).sizes
    assert sizes.volume_mm3.value == pytest.approx(6 * 7 * 6, rel=0.01)
    assert sizes.depth_mm.value == pytest.approx(6, rel=0.01)
    assert sizes.width_mm.value == pytest.approx(7, rel=0.01), "along the margin: from front to back"
    assert sizes.height_mm.value == pytest.approx(6, rel=0.01)
    assert sizes.contact_mm2.value == pytest.approx(7 * 6, rel=0.01)
    assert sizes.axial.base_mm.value == pytest.approx(7, rel=0.01)
    assert level.canal_occupied.value == 0


def test_an_ellipsoid_on_the_posterolateral_corner() -> None:
    """Three quarters of it lie outside the disc."""
    sizes = only(truth(painted(ellipsoid((-24, 0, 0), (6, 6, 4))))).sizes
    assert sizes.volume_mm3.value == pytest.approx(np.pi * 36 * 4, rel=0.01)
    assert sizes.depth_mm.value == pytest.approx(6, rel=0.01)


def test_bulge_and_herniation_are_told_apart() -> None:
    bulging = painted(box((-20, -2, -5), (20, 1, 5)), known=False)
    level = truth(painted(box((-8, -7, -4), (0, 1, 4)), into=bulging))
    # The box takes 8 x 8 x 2 mm3 of the bulge's place.
    assert level.focal_volume_mm3.value == pytest.approx(8 * 8 * 7, rel=0.02)
    assert level.bulge_volume_mm3.value == pytest.approx(40 * 10 * 2 - 8 * 8 * 2, rel=0.05)
    assert level.sizes.volume_mm3.value == pytest.approx(8 * 8 * 7 + 40 * 10 * 2 - 8 * 8 * 2, rel=0.03)
    assert level.focal[0].sizes.depth_mm.value == pytest.approx(7, rel=0.01)


def test_a_herniation_on_a_thick_bulge_stays_joined_with_the_disc() -> None:
    bulging = painted(box((-20, -3, -5), (20, 1, 5)), known=False)
    one = truth(painted(box((-8, -8, -4), (0, -2.5, 4)), into=bulging)).focal[0]
    assert one.continuous
    assert one.sizes.contact_mm2.value == pytest.approx(64, rel=0.05)
    assert one.sizes.axial.base_mm.value == pytest.approx(8, rel=0.02)


def test_a_healthy_level_has_nothing_displaced() -> None:
    level = truth(painted(box((-8, -7, -4), (0, 1, 4))), toy.LEVELS[0])
    assert level.sizes.depth_mm.value == 0
    assert level.sizes.volume_mm3.value == pytest.approx(0, abs=0.01), "less than a tenth of a cell"
    assert level.sizes.width_mm.value is None and level.sizes.width_mm.reason == "nothing displaced"
    assert level.canal_occupied.value == 0 and level.focal == ()
    assert level.sac_area_mm2.value == pytest.approx(SAC_MM2, rel=0.01)
    assert level.disc_height_mm.value == pytest.approx(toy.DISC_MM, rel=0.01)
    for height in (level.anterior_height_mm, level.middle_height_mm, level.posterior_height_mm):
        assert height.value == pytest.approx(toy.DISC_MM, rel=0.01)
    assert level.disc_height_index.value == pytest.approx(toy.DISC_MM / toy.DEPTH_MM, rel=0.01)


def test_what_is_displaced_takes_its_place_from_the_sac() -> None:
    """A box 10 wide and 10 deep covers x in (-5, 5), y in (-10, 0): half of the sac's middle."""
    level = truth(painted(box((-5, -10, -4), (5, 1, 4))))
    u = 0.5
    middle = 20 * 16 / 4 * (np.arcsin(u) + u * np.sqrt(1 - u * u))  # half of the ellipse over |x| < 5
    assert level.sac_area_mm2.value == pytest.approx(SAC_MM2 - middle, rel=0.01)
    assert level.canal_occupied.value == pytest.approx(100 / CANAL_MM2, rel=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_quantities_grow_with_the_shape(axis: int) -> None:
    found = []
    for more in (0.0, 0.3, 1.0, 2.0):
        half = [6.0, 5.0, 3.0]
        half[axis] += more
        found.append(only(truth(painted(ellipsoid((-4, 0, 0), (half[0], half[1], half[2]))))).sizes)
    for name in ("volume_mm3", "area_mm2", ("width_mm", "depth_mm", "height_mm")[axis]):
        values = [getattr(sizes, name).value for sizes in found]
        assert values == sorted(values) and values[0] < values[-1]
