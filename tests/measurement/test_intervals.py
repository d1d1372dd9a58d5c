"""Intervals: how wide by resolution, size and doubt; what has none; that the calibration holds what it promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.measurement.intervals import Reach, Reaches, Seen, calibrated, stored, terms, with_intervals
from resorb.reading import DiscReading, Herniation, PlaneExtent, Quantity, Reading
from tests import steps

SPACING = np.array([4.0, 0.5, 0.5])
SEEN = Seen(pixel_mm=0.5, slice_mm=4.0, axial=False, doubt=0.0)
ONE_MM = Reach(base=1.0, share=0.0, pixel=0.0, slice=0.0, axial=0.0, doubt=0.0)
WHOLE = Reach(base=0.1, share=0.05, pixel=0.5, slice=0.2, axial=0.1, doubt=2.0)
NAMES = ("depth_mm", "area_mm2", "volume_mm3", "canal_occupied")


def reading(**quantities: Quantity) -> Reading:
    disc = steps.disc(steps.L4L5, 6.0).model_copy(update=quantities)
    return steps.timepoint(steps.study(), steps.anatomy(steps.study()), disc).reading


def bounded(given: Reading, table: Reaches, source: str = "mask, by hand") -> DiscReading:
    anatomy = replace(steps.anatomy(steps.study()), source=source)
    (disc,) = with_intervals(given, anatomy, SPACING, table).discs
    return disc


def test_the_reach_is_the_sum_of_its_parts() -> None:
    assert WHOLE.of("depth_mm", 6.0, SEEN) == pytest.approx(0.1 + 0.3 + 0.25 + 0.8)
    assert WHOLE.of("depth_mm", 6.0, replace(SEEN, axial=True, doubt=0.1)) == pytest.approx(0.65 + 0.4 + 0.2)
    # The surface of a volume 8 times as large is 4 times as large.
    small, large = (WHOLE.of("volume_mm3", v, SEEN) - 0.05 * v - 0.1 for v in (1000.0, 8000.0))
    assert large == pytest.approx(4.0 * small)


@given(
    st.sampled_from(NAMES),
    st.floats(0, 5000),
    st.floats(0.3, 1.0),
    st.floats(0.8, 6.0),
    st.floats(0, 1),
)
def test_coarser_voxels_and_more_doubt_never_make_an_interval_narrower(
    name: str, value: float, pixel: float, thick: float, doubt: float
) -> None:
    fine = Seen(pixel, thick, axial=False, doubt=doubt)
    coarse = Seen(1.5 * pixel, 1.5 * thick, axial=False, doubt=min(1.0, 1.5 * doubt))
    assert 0.0 < WHOLE.of(name, value, fine) <= WHOLE.of(name, value, coarse)
    assert len(terms(name, value, fine)) == 6


def test_bounds_lie_about_the_value_and_not_below_nothing() -> None:
    table = {"disc.depth_mm": (ONE_MM, replace(ONE_MM, base=2.0)), "disc.slip_mm": (ONE_MM, ONE_MM)}
    disc = bounded(reading(depth_mm=Quantity(value=6.0), slip_mm=Quantity(value=0.3)), table)
    assert (disc.depth_mm.low, disc.depth_mm.high) == (5.0, 8.0)
    assert (disc.slip_mm.low, disc.slip_mm.high) == (-0.7, 1.3)  # backwards is a slip too
    assert bounded(reading(depth_mm=Quantity(value=0.4)), table).depth_mm.low == 0.0


def test_what_is_missing_cropped_or_uncalibrated_stays_as_it_is() -> None:
    cropped = Quantity(value=None, low=4.0, reason="cropped")
    disc = bounded(
        reading(depth_mm=cropped, area_mm2=Quantity(value=30.0)), {"disc.depth_mm": (ONE_MM, ONE_MM)}
    )
    assert disc.depth_mm == cropped
    assert (disc.area_mm2.low, disc.area_mm2.high) == (None, None)


def test_axial_slices_narrow_what_was_measured_with_them() -> None:
    table = {"disc.depth_mm": (WHOLE, WHOLE)}
    alone = bounded(reading(depth_mm=Quantity(value=6.0, source="sagittal")), table).depth_mm
    both = bounded(reading(depth_mm=Quantity(value=6.0, source="sagittal and axial")), table).depth_mm
    assert alone.high is not None and both.high is not None and both.high < alone.high


def test_herniations_and_their_planes_have_intervals_of_their_own() -> None:
    one = Quantity(value=6.0)
    planes = {name: PlaneExtent(base_mm=one, extent_mm=one) for name in ("axial", "sagittal")}
    sizes = {name: one for name, about in Herniation.model_fields.items() if about.annotation is Quantity}
    made = Herniation.model_validate(
        {"number": 1, "apex": (0, 0, 0), "centre": (0, 0, 0), "continuous": True} | sizes | planes
    )
    table = {"herniation.axial.base_mm": (ONE_MM, ONE_MM), "herniation.depth_mm": (ONE_MM, ONE_MM)}
    (found,) = bounded(
        reading().model_copy(
            update={"discs": (steps.disc(steps.L4L5, 6.0).model_copy(update={"herniations": (made,)}),)}
        ),
        table,
    ).herniations
    assert (found.axial.base_mm.low, found.axial.base_mm.high) == (5.0, 7.0)
    assert (found.depth_mm.low, found.depth_mm.high) == (5.0, 7.0)
    assert found.sagittal.base_mm.low is None and found.width_mm.low is None


def test_the_shipped_file_is_calibrated_for_both_kinds_of_masks_and_names_what_is_measured() -> None:
    known = {f"disc.{name}" for name in DiscReading.model_fields}
    known |= {f"herniation.{name}" for name in Herniation.model_fields}
    known |= {
        f"herniation.{plane}.{end}" for plane in ("axial", "sagittal") for end in PlaneExtent.model_fields
    }
    for given_masks in (True, False):
        assert set(calibrated(given_masks)) <= known
        for sides in calibrated(given_masks).values():
            assert all(side.of("depth_mm", 5.0, SEEN) > 0 for side in sides)


def test_a_stored_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "intervals.toml"
    numbers = "base = 1, share = 0.5, pixel = 0, slice = 0, axial = 0, doubt = 0"
    path.write_text(
        f'[mask]\nabout = "two"\n"disc.depth_mm" = {{ below = {{ {numbers} }}, above = {{ {numbers} }} }}\n'
    )
    about, table = stored(path)["mask"]
    assert about == "two"
    assert table["disc.depth_mm"][1].of("depth_mm", 4.0, SEEN) == 3.0
