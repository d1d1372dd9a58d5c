"""The same plane of the patient on every date, whatever his position, the storage order and the slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.reporting.change.planes import Cut, view
from resorb.study import Contrast, Plane, Series, Volume
from tests.reporting import spine
from tests.reporting.change import case

PIXEL = 0.25
SAGITTAL = Cut(Plane.SAGITTAL, 5.0, (-6.0, 0.0), 40.0)
AXIAL = Cut(Plane.AXIAL, 1.0, (0.0, -4.0), 40.0)


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from([Plane.SAGITTAL, Plane.AXIAL]),
    st.floats(-10, 10),
    st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
)
def test_a_point_is_drawn_where_its_pixel_is(plane: Plane, place: float, centre: tuple[float, float]) -> None:
    cut = Cut(plane, place, centre, 30.0)
    grid = cut.grid(0.5)
    rows, columns = np.indices(grid.shape[:2])
    expected = np.stack([(columns + 0.5) * 0.5, (rows + 0.5) * 0.5], axis=-1)
    np.testing.assert_allclose(cut.picture(grid), expected, atol=1e-9)


def test_sagittal_pictures_look_from_the_left_and_axial_ones_from_below() -> None:
    behind, above, left = SAGITTAL.picture(np.array([[5.0, 4, 0], [5, -6, 9], [9, -6, 0]]))
    assert behind[0] > 20 and above[1] < 20 and left == pytest.approx([20, 20])
    to_left, behind = AXIAL.picture(np.array([[7.0, -4, 1], [0, 5, 1]]))
    assert to_left[0] > 20 and behind[1] > 20


@pytest.mark.parametrize(("cut", "area"), [(SAGITTAL, 4.0 * 8.0), (AXIAL, 7.0 * 4.0)])
def test_displaced_material_has_its_true_section(cut: Cut, area: float) -> None:
    first, _ = case.timepoints()
    shown = view(first, first.frames[spine.DISPLACED], cut, PIXEL)
    assert (shown.displaced > 0.5).sum() * PIXEL**2 == pytest.approx(area, rel=0.2)
    assert shown.values[shown.masks["sac"] > 0.9].mean() == pytest.approx(240, abs=4)


@pytest.mark.parametrize("cut", [SAGITTAL, AXIAL])
def test_two_dates_show_the_same_place_however_the_patient_lies(cut: Cut) -> None:
    first, _ = case.timepoints()
    second = case.moved(first, case.POSE)
    one, other = (view(p, p.frames[spine.DISPLACED], cut, PIXEL) for p in (first, second))
    assert np.abs(one.values - other.values).max() < 1.0
    assert np.abs(one.displaced - other.displaced).max() < 0.01
    np.testing.assert_allclose(one.behind, other.behind, atol=1e-6)


def test_a_thick_slice_is_shown_as_it_was_acquired_and_its_distance_is_said() -> None:
    shape, affine = spine.grid((9, 150, 120), (4.0, 1.0, 1.0))
    point = spine.timepoint(shape, affine)
    values = np.broadcast_to(np.arange(9.0)[:, None, None] * 10, shape)
    image = point.study.sagittal.volume.with_data(np.ascontiguousarray(values))
    sagittal = replace(point.study.sagittal, stacks=(image,))
    point = replace(point, study=replace(point.study, sagittal=sagittal))
    shown = view(point, point.frames[spine.DISPLACED], SAGITTAL, PIXEL)
    # 5 mm to the left of the midline: between the slices at 4 and 8 mm, nearer to that at 4 mm.
    slices = sagittal.volume.to_world(np.stack([np.arange(9), np.zeros(9), np.zeros(9)], axis=1))[:, 0]
    assert np.unique(np.round(shown.values)) == pytest.approx([10.0 * np.flatnonzero(slices == -4.0)[0]])
    assert shown.source == "acquired slice, 1.0 mm from the plane"


def axial_stack(left_to_right: bool) -> Volume:
    """Slices of 3 mm at heights -5, -2, 1, 4 mm; each slice's grey is its number."""
    data = np.broadcast_to(np.arange(4.0), (80, 80, 4)).copy()
    affine = np.diag([1.0 if left_to_right else -1.0, 1.0, 3.0, 1.0])
    affine[:3, 3] = (-40.0 if left_to_right else 39.0, -40.0, -5.0)
    return Volume(data, affine)


@pytest.mark.parametrize("left_to_right", [True, False])
def test_an_axial_picture_comes_from_the_axial_stack_that_shows_the_level(left_to_right: bool) -> None:
    first, _ = case.timepoints()
    stack = axial_stack(left_to_right)
    labels = np.zeros(stack.shape, np.uint16)
    labels[..., 2] = STRUCTURE_STEP * Structure.DISC + spine.DISPLACED.ordinal
    series = Series(8, (stack,), Plane.AXIAL, Contrast.T2)
    point = replace(
        first,
        study=replace(first.study, axial=series),
        anatomy=replace(first.anatomy, axial=(stack.with_data(labels),)),
    )
    shown = view(point, point.frames[spine.DISPLACED], AXIAL, PIXEL)
    assert np.nanmax(np.abs(shown.values - 2.0)) < 1e-6
    assert shown.source == "acquired slice, 0.0 mm from the plane"
    # The whole slice is disc here: displaced is what lies behind the posterior wall at y = 0.
    rows = np.flatnonzero((shown.displaced > 0.5).any(axis=1))
    assert rows.min() * PIXEL == pytest.approx(20 + 4, abs=0.3)


def test_without_an_axial_series_the_picture_is_reformatted_and_says_so() -> None:
    shape, affine = spine.grid((9, 150, 120), (4.0, 1.0, 1.0))
    point = spine.timepoint(shape, affine)
    shown = view(point, point.frames[spine.DISPLACED], AXIAL, PIXEL)
    assert shown.source == "reformatted from sagittal slices 4.0 mm apart"
    outside = view(point, point.frames[spine.DISPLACED], replace(AXIAL, size_mm=90.0), PIXEL)
    assert np.isnan(outside.values[:, 0]).all() and not np.isnan(outside.values).all()
