"""Classes near a limit: by the interval of their number, or by slice and pixel where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from resorb.limits import load_limits
from resorb.measurement.nearness import half_width, with_nearness
from resorb.reading import QUANTITIES, Class, Classes, DiscReading, Quantity, Reading

LIMITS = load_limits()
THICK, THIN = np.array([4.4, 0.6, 0.6]), np.array([0.9, 0.5, 0.5])


def reading(**changes: object) -> Reading:
    none = Class(value="2")
    classes = Classes(
        morphology=Class(
            value="extrusion", margin=0.9, unit="mm", limit="extent over base in a plane (axial), 0.5 mm"
        ),
        msu_size=none,
        msu_zone=none,
        zone=Class(value="paracentral", margin=0.8, unit="mm"),
        side=Class(value="left", margin=5.0, unit="mm"),
        height_level=Class(value="disc", margin=0.5, unit="mm"),
    )
    numbers = dict.fromkeys(QUANTITIES, Quantity(value=1.0, source="sagittal"))
    values = {"level": "L4/L5", **numbers, "classes": classes, **changes}
    return Reading(
        resorb_version="0",
        study_sha256="ab" * 32,
        series="1",
        segmented_by="x",
        level_naming="x",
        discs=(DiscReading.model_validate(values),),
    )


def near(found: Reading) -> set[str]:
    classes = found.discs[0].classes
    assert classes is not None
    return {name for name, one in classes if isinstance(one, Class) and one.near}


def test_thick_slices_make_what_lies_across_them_uncertain() -> None:
    assert near(with_nearness(reading(), THICK, LIMITS)) == {"morphology", "zone"}
    assert near(with_nearness(reading(), THIN, LIMITS)) == set()


def test_an_interval_stands_in_place_of_the_slice() -> None:
    tight = Quantity(value=10.0, low=9.8, high=10.3, source="sagittal")
    wide = Quantity(value=10.0, low=6.0, high=11.0, source="sagittal")
    assert near(with_nearness(reading(width_mm=tight), THICK, LIMITS)) == set()
    assert near(with_nearness(reading(width_mm=wide), THIN, LIMITS)) == {"morphology", "zone"}


@pytest.mark.parametrize(("low", "is_near"), [(0.28, True), (0.34, False)])
def test_canal_compromise_by_the_interval_of_the_share(low: float, is_near: bool) -> None:
    share = Quantity(value=0.36, low=low, high=0.37)
    found = with_nearness(
        reading(canal_occupied=share, canal_compromise=Class(value="moderate", margin=0.027, unit="ratio")),
        THIN,
        LIMITS,
    )
    compromise = found.discs[0].canal_compromise
    assert compromise is not None and compromise.near is is_near


def test_without_bounds_there_is_no_half_width() -> None:
    assert half_width(Quantity(value=None, reason="cropped", low=3.0)) is None
    assert half_width(Quantity(value=2.0, low=1.0, high=2.5)) == pytest.approx(1.0)


@pytest.mark.parametrize(("low", "is_near"), [(7.0, True), (7.8, False)])
def test_a_degeneration_grade_by_the_interval_of_the_height(low: float, is_near: bool) -> None:
    height = Quantity(value=8.0, low=low, high=8.1)
    grade = Class(value="3", margin=0.1, unit="ratio")  # 0.1 of the logarithm is 0.67 mm of height
    found = with_nearness(reading(disc_height_mm=height, degeneration=grade), THIN, LIMITS)
    degeneration = found.discs[0].degeneration
    assert degeneration is not None and degeneration.near is is_near
