"""What every field shows, on blocks of material of known volume in fields of known width."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resorb.comparison.shared import shared_fields
from resorb.reading import Quantity
from resorb.study import Volume
from resorb.timepoint import Timepoint
from tests.comparison.points import L3L4, L4L5, Bulk, timepoint

SLICE_MM = 1.0


def slab(name: str, left_mm: tuple[float, float], *, cropped: bool) -> Timepoint:
    """A field from right to left; in it the part of a block 20 mm wide, of 10 mm3 per mm, behind L4/L5."""
    point = timepoint(name * 64, {})
    low, high = left_mm
    count = round((high - low) / SLICE_MM)
    # Slices from right to left; left is negative in RAS.
    affine = np.array(
        [[-SLICE_MM, 0, 0, -low - SLICE_MM / 2], [0, 0, -2, 4], [0, -2, 0, -32], [0, 0, 0, 1.0]]
    )
    image = Volume(np.zeros((count, 4, 4), np.int16), affine)
    marks = np.zeros(image.shape, np.uint16)
    middle = low + SLICE_MM * (np.arange(count) + 0.5)
    marks[np.abs(middle) < 10.0, 1, 1] = L4L5.ordinal
    seen = 10.0 * float(np.count_nonzero(marks)) * SLICE_MM
    volume = Quantity(value=None, low=seen, reason="cropped") if cropped else Quantity(value=seen)
    discs = tuple(
        disc.model_copy(update={"volume_mm3": volume}) if disc.level == str(L4L5) else disc
        for disc in point.reading.discs
    )
    series = replace(point.study.sagittal, stacks=(image,))
    return replace(
        point,
        study=replace(point.study, series=(series,), sagittal=series),
        reading=point.reading.model_copy(update={"discs": discs}),
        displaced=image.with_data(marks),
    )


def test_only_what_lies_in_every_field_is_compared() -> None:
    points, shared = shared_fields(
        [slab("a", (-8.0, 12.0), cropped=True), slab("b", (-12.0, 6.0), cropped=True)]
    )
    assert set(shared) == {L4L5}
    assert shared[L4L5].width_mm == pytest.approx(14.0)
    assert shared[L4L5].section_mm2 == pytest.approx(10.0)
    for point in points:
        volume = point.disc(L4L5).volume_mm3
        assert volume.value == pytest.approx(140.0) and "every date" in volume.method


def test_a_sliver_is_not_compared() -> None:
    _, shared = shared_fields([slab("a", (-8.0, 2.0), cropped=True), slab("b", (-4.0, 12.0), cropped=True)])
    assert not shared


def test_a_date_that_shows_all_is_taken_in_the_same_part() -> None:
    points, shared = shared_fields(
        [slab("a", (-20.0, 20.0), cropped=False), slab("b", (-5.0, 15.0), cropped=True)]
    )
    assert [point.disc(L4L5).volume_mm3.value for point in points] == pytest.approx([150.0, 150.0])
    assert shared[L4L5].width_mm == pytest.approx(20.0)


def test_fields_that_show_all_stay_as_they_are() -> None:
    given = [slab("a", (-20.0, 20.0), cropped=False), slab("b", (-15.0, 15.0), cropped=False)]
    points, shared = shared_fields(given)
    assert shared == {} and list(points) == given


def test_fields_that_do_not_overlap_share_nothing() -> None:
    points, shared = shared_fields(
        [slab("a", (-20.0, -2.0), cropped=True), slab("b", (2.0, 20.0), cropped=True)]
    )
    assert shared == {} and points[0].disc(L4L5).volume_mm3.value is None


def test_other_levels_are_left_alone() -> None:
    given = [slab("a", (-8.0, 12.0), cropped=True), slab("b", (-12.0, 6.0), cropped=True)]
    points, _ = shared_fields(given)
    assert [one.disc(L3L4) for one in points] == [one.disc(L3L4) for one in given]


def test_herniations_that_are_whole_on_all_dates_stay_whole() -> None:
    """The bulge beside them reaches the fields' edges, they do not."""
    bulk = Bulk(500.0, left=0.0, width_mm=8.0)
    own = timepoint("c" * 64, {L4L5: [bulk]}).disc(L4L5).herniations
    given = []
    for point in (slab("a", (-8.0, 12.0), cropped=True), slab("b", (-12.0, 6.0), cropped=True)):
        discs = tuple(
            disc.model_copy(update={"herniations": own}) if disc.level == str(L4L5) else disc
            for disc in point.reading.discs
        )
        given.append(replace(point, reading=point.reading.model_copy(update={"discs": discs})))
    points, shared = shared_fields(given)
    assert not shared[L4L5].herniations
    assert [point.disc(L4L5).herniations for point in points] == [own, own]
    assert [point.disc(L4L5).volume_mm3.value for point in points] == pytest.approx([140.0, 140.0])
    one_only = [given[0], slab("b", (-12.0, 6.0), cropped=True)]
    assert shared_fields(one_only)[1][L4L5].herniations
