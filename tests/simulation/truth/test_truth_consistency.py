"""What the record of a level says must not contradict itself, nor the record of another date."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from resorb.reading import Quantity
from resorb.simulation.truth import LevelTruth, StudyTruth, date_geometry, truth_of
from resorb.simulation.truth.frame import level_geometry
from resorb.simulation.truth.material import carry
from resorb.simulation.truth.record import TrueClass
from tests.simulation import toy
from tests.simulation.truth.shapes import AT_REST, L45, box, ellipsoid, painted, spine, truth

CANAL_MM2 = 2 * toy.FACET_MM * toy.LAMINA_MM


def known(quantity: Quantity) -> float:
    assert quantity.value is not None
    return quantity.value


def adds_up(level: LevelTruth) -> None:
    parts = known(level.focal_volume_mm3) + known(level.bulge_volume_mm3)
    assert known(level.sizes.volume_mm3) == pytest.approx(parts, abs=1e-6)
    assert known(level.focal_volume_mm3) >= 0


def test_a_grid_of_one_height_is_carried_to_its_place() -> None:
    geometry = level_geometry(spine(), L45, AT_REST)
    axes = (np.array([-1.0, 0.0, 2.0]), np.array([0.5, 1.0]), np.array([0.25]))
    rest = carry(geometry, axes, AT_REST)
    assert rest.shape == (3, 3, 2, 1)
    np.testing.assert_allclose(rest[:, 2, 1, 0], [-2.0, -1.0, 0.25], atol=1e-9)


def test_material_in_a_single_axial_section_of_the_canal() -> None:
    level = truth(painted(box((-4, -4, 0.0), (4, 0, 0.5))))
    assert level.canal_occupied.value == pytest.approx(8 * 4 / CANAL_MM2, rel=0.05)
    assert level.canal_compromise.value == "mild"


@pytest.mark.parametrize("depth", [0.3, 0.45, 0.7])
@pytest.mark.parametrize("named", [True, False])
def test_volume_has_no_floor(depth: float, named: bool) -> None:
    level = truth(painted(box((-12, -depth, -4), (12, 1, 4)), known=named))
    adds_up(level)
    if named:
        assert level.sizes.volume_mm3.value == pytest.approx(24 * 8 * depth, rel=0.05)
        assert level.sizes.axial_area_mm2.value == pytest.approx(24 * depth, rel=0.05)


def test_what_does_not_count_as_displaced_compromises_no_canal() -> None:
    level = truth(painted(box((-12, -0.4, -4), (12, 1, 4))))
    assert level.sizes.depth_mm.value == 0 and known(level.sizes.volume_mm3) > 0
    assert "extent_floor" in level.sizes.width_mm.reason
    assert known(level.canal_occupied) > 0
    assert level.canal_compromise.value == "none" and level.canal_compromise.reason


def test_a_herniation_that_went_back_leaves_the_class_to_the_bulge() -> None:
    shape = box((-23, -3, -5), (23, 1, 5))
    inside = ellipsoid((0, 10, 0), (4, 4, 3))
    level = truth(painted(inside, into=painted(shape, known=False)))
    assert level.focal[0].classes.morphology.value == "none"
    assert level.classes.morphology.value == "bulge"
    adds_up(level)


def test_a_herniation_keeps_its_number() -> None:
    both = painted(ellipsoid((7, 0, 0), (4, 3, 3)), into=painted(ellipsoid((-7, 0, 0), (4, 4, 4))))
    turned = replace(both, displaced=both.displaced[::-1])
    later = replace(both, displaced=both.displaced[1:])
    assert [one.number for one in truth(turned).focal] == [1, 2]
    assert [one.number for one in truth(later).focal] == [2]
    geometry = date_geometry(later, AT_REST)
    assert list(geometry.herniations) == [2]
    assert list(json.loads(geometry.model_dump_json())["herniations"]) == ["2"]
    assert truth(turned) == truth(both)


@pytest.mark.parametrize("shift", [0.0, 3.0, 7.0])
def test_what_two_herniations_share_counts_once(shift: float) -> None:
    first, second = box((-8, -6, -3), (0, 1, 3)), box((-8 + shift, -6, -3), (shift, 1, 3))
    level = truth(painted(second, into=painted(first)))
    adds_up(level)
    volumes = [known(one.sizes.volume_mm3) for one in level.focal]
    assert volumes[0] == pytest.approx(8 * 6 * 6, rel=0.02)
    assert volumes[1] == pytest.approx(shift * 6 * 6, rel=0.02, abs=0.5)
    assert sum(volumes) <= known(level.sizes.volume_mm3) + 1e-3
    assert level.focal_volume_mm3.value == pytest.approx((8 + shift) * 6 * 6, rel=0.02)


def test_no_float_has_more_than_four_decimals() -> None:
    def floats(value: object) -> list[float]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [number for one in value for number in floats(one)]
        return [value] if isinstance(value, float) else []

    study: StudyTruth = truth_of(painted(ellipsoid((-5.1, 0, -1.3), (7, 6, 4))), AT_REST)
    found = floats(json.loads(study.to_json()))
    assert len(found) > 100 and all(number == round(number, 4) for number in found)
    assert TrueClass(value="none", margin=1 / 3).margin == 0.3333
