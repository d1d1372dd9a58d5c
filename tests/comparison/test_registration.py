"""Closed-form spines moved by known motions: where the registration puts them, and when it gives up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resorb.anatomy import Level
from resorb.comparison.registration import (
    FRAMES_ERROR_MM,
    NARROW_ERRORS_MM,
    register,
    register_levels,
)
from resorb.errors import NotMeasurableError
from resorb.registration import Registration, moved
from resorb.study import FloatArray, Volume
from resorb.timepoint import Timepoint
from tests.comparison.dates import L4L5, NO_TURN, Triple, date, margin
from tests.spine import Bump

TURNED: tuple[Triple, Triple] = ((4.0, -6.0, 3.0), (3.0, -5.0, 8.0))
AXES = ((0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0))


def missed_mm(found: Registration, first: tuple[Triple, Triple], second: tuple[Triple, Triple]) -> FloatArray:
    """How far the posterior margin of the first date misses that of the second."""
    missed = moved(found.between(0, 1), margin(*first)) - margin(*second)
    return np.asarray(np.linalg.norm(missed, axis=-1))


@settings(max_examples=3)
@given(
    st.tuples(*[st.floats(-8, 8)] * 3),
    st.tuples(*[st.floats(-12, 12)] * 3),
    st.sampled_from([(2.0, 0.8, 0.8), (4.0, 0.7, 0.7), (1.2, 1.0, 1.2)]),
    st.sampled_from(AXES),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_a_known_motion_is_found_in_any_orientation_and_spacing(
    angles: Triple,
    shift: Triple,
    spacing: Triple,
    axes: tuple[int, int, int],
    flips: tuple[bool, bool, bool],
) -> None:
    second = date(angles, shift, None, spacing, axes, flips)
    found = register((date(), second), L4L5)
    assert found.method == "vertebrae" and not found.reason
    missed = missed_mm(found, (NO_TURN, NO_TURN), (angles, shift))
    assert missed.max() < 0.8
    assert found.bending_deg(0, 1) < 1.5


@pytest.fixture(scope="module")
def moved_pair() -> Registration:
    return register((date(), date(*TURNED)), L4L5)


def test_the_error_at_the_posterior_margin_is_small_and_is_not_understated(moved_pair: Registration) -> None:
    missed = missed_mm(moved_pair, (NO_TURN, NO_TURN), TURNED)
    assert np.median(missed) < 0.4
    assert float(np.sqrt(np.mean(missed**2))) < 2 * moved_pair.error_mm
    assert moved_pair.error_mm < 1.0


def test_a_herniation_that_is_gone_does_not_pull(moved_pair: Registration) -> None:
    large = date(bump=Bump(depth=10.0, half_width=9.0, half_height=9.0))
    found = register((large, date(*TURNED)), L4L5)
    assert found.method == "vertebrae"
    at = margin(NO_TURN, NO_TURN)
    pulled = moved(found.between(0, 1), at) - moved(moved_pair.between(0, 1), at)
    assert np.linalg.norm(pulled, axis=-1).max() < 0.15


def test_neither_date_is_favoured(moved_pair: Registration) -> None:
    other = register((date(*TURNED), date()), L4L5)
    at = margin(NO_TURN, NO_TURN)
    np.testing.assert_allclose(moved(other.between(1, 0), at), moved(moved_pair.between(0, 1), at), atol=0.1)
    assert other.error_mm == pytest.approx(moved_pair.error_mm, abs=0.05)


def test_three_dates_agree_with_each_other() -> None:
    places: tuple[tuple[Triple, Triple], ...] = (
        (NO_TURN, NO_TURN),
        TURNED,
        ((-5.0, 2.0, -4.0), (0.0, 6.0, 1.0)),
    )
    found = register([date(*place) for place in places], L4L5)
    assert found.dates == 3 and found.method == "vertebrae"
    there = [moved(motion, margin(*place)) for motion, place in zip(found.level_motions, places, strict=True)]
    for place in there:
        np.testing.assert_allclose(place, np.mean(there, axis=0), atol=0.4)


def spoiled(one: Timepoint, grey: FloatArray) -> Timepoint:
    """The date with another image."""
    volume = one.study.sagittal.volume.with_data(grey.astype(np.int16))
    series = replace(one.study.sagittal, stacks=(volume,))
    return replace(one, study=replace(one.study, series=(series,), sagittal=series))


def test_images_that_are_not_alike_fall_back_to_the_frames_and_say_so() -> None:
    noise = np.random.default_rng(1).uniform(0, 500, date().study.sagittal.volume.shape)
    found = register((spoiled(date(), noise), date(*TURNED)), L4L5)
    assert found.method == "spine coordinates"
    assert "L4" in found.reason and "alike" in found.reason
    first, second = (one.frames[L4L5] for one in (date(), date(*TURNED)))
    at = first.to_world(np.array([[-10.0, 0, 5], [10, 2, -5]]))
    np.testing.assert_allclose(moved(found.between(0, 1), at), second.to_world(first.to_local(at)), atol=1e-6)
    assert found.error_mm == FRAMES_ERROR_MM


def test_a_vertebra_out_of_the_field_falls_back_to_the_frames() -> None:
    one = date()
    labels = one.anatomy.labels.data.copy()
    labels[one.anatomy.body("L5")] = 0
    cut = replace(one, anatomy=replace(one.anatomy, labels=one.anatomy.labels.with_data(labels)))
    found = register((cut, date(*TURNED)), L4L5)
    assert found.method == "spine coordinates" and "L5 is in the field" in found.reason


def test_a_narrow_slab_has_a_large_error_sideways_but_not_backwards() -> None:
    one = date()
    middle = slice(len(one.study.sagittal.volume.data) // 2 - 3, len(one.study.sagittal.volume.data) // 2 + 4)

    def slab(of: Volume) -> Volume:
        affine = of.affine.copy()
        affine[:3, 3] = of.to_world([middle.start, 0, 0])
        return Volume(of.data[middle], affine)

    series = replace(one.study.sagittal, stacks=(slab(one.study.sagittal.volume),))
    anatomy = replace(one.anatomy, labels=slab(one.anatomy.labels))
    narrow = replace(one, study=replace(one.study, series=(series,), sagittal=series), anatomy=anatomy)
    found, whole = register((narrow, date()), L4L5), register((date(), date()), L4L5)
    sideways, backwards = NARROW_ERRORS_MM[0][1]
    assert found.error_mm >= sideways
    assert backwards <= found.across_margin_mm < sideways / 2
    assert whole.error_mm < sideways / 2 and whole.across_margin_mm <= whole.error_mm


def test_a_level_without_a_frame_is_refused() -> None:
    bare = replace(date(), frames={})
    with pytest.raises(NotMeasurableError, match="L4/L5 cannot be compared: no frame on date 2"):
        register((date(), bare), L4L5)
    assert register_levels((date(), bare)) == {}


def test_only_levels_framed_on_every_date_are_registered_unasked() -> None:
    other = replace(date(), frames={**date().frames, Level("L3", "L4"): date().frames[L4L5]})
    assert list(register_levels((other, date()))) == [L4L5]


def test_the_same_dates_give_the_same_motions(moved_pair: Registration) -> None:
    again = register((date(), date(*TURNED)), L4L5)
    np.testing.assert_array_equal(again.level_motions, moved_pair.level_motions)
