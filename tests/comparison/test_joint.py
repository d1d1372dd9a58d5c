"""One reference for all dates: carried exactly, pooled by thickness, bent with the disc."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.comparison.halfway import halfway, motion_about
from resorb.comparison.joint import joint_frames
from resorb.frame import Frame, Rim
from resorb.registration import Registration, moved
from resorb.study import FloatArray, Plane, Series, Volume
from resorb.timepoint import Timepoint
from tests import steps
from tests.comparison.dates import L4L5

LEFT = np.linspace(-20.0, 20.0, 41)
SEEDS = st.integers(0, 2**32 - 1)


def rim(cranial: float, *, back: float = 0.0, wall: tuple[float, float] = (-0.1, 0.004)) -> Rim:
    round_ = np.linspace(0, 2 * np.pi, 73)
    outline = np.column_stack([22 * np.sin(round_), back - 17 + 17 * np.cos(round_), np.full(73, cranial)])
    return Rim(LEFT, back - 0.01 * LEFT**2, np.full(41, cranial), wall, "a formula", (-20.0, 20.0), outline)


def frame(*, back: float = 0.0, height: float = 10.0) -> Frame:
    """Upright at the world's origin, with rims at half the disc's height above and below."""
    axes = np.diag([-1.0, -1.0, 1.0])
    rims = rim(height / 2, back=back), rim(-height / 2, back=back)
    return Frame(L4L5, np.zeros(3), axes, *rims, 0.0, 0.0, height, "a formula", 0.3)


def carried(one: Frame, motion: FloatArray) -> Frame:
    """The same frame where a rigid motion takes it."""
    return replace(one, origin=moved(motion, one.origin), axes=one.axes @ motion[:3, :3].T)


def timepoint(of: Frame, slice_mm: float = 1.0) -> Timepoint:
    volume = Volume(np.zeros((4, 6, 6), np.int16), np.diag([slice_mm, 1.0, 1.0, 1.0]))
    study = steps.study()
    series = Series(1, (volume,), Plane.SAGITTAL, study.sagittal.contrast)
    return replace(
        steps.timepoint(steps.study(), steps.anatomy(study)),
        study=replace(study, series=(series,), sagittal=series),
        frames={L4L5: of},
    )


def motions(seed: int, count: int, turn_deg: float = 8.0) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            motion_about(
                np.zeros(3), np.radians(rng.uniform(-turn_deg, turn_deg, 3)), rng.uniform(-20, 20, 3)
            )
            for _ in range(count)
        ]
    )


def registered(upper: FloatArray, lower: FloatArray) -> Registration:
    """Vertebrae that lie on each date where motions (n, 4, 4) took them from one space."""
    middles = np.stack([0.5 * (m[:3, 3] + n[:3, 3]) for m, n in zip(upper, lower, strict=True)])
    inverse = (np.asarray(np.linalg.inv(upper)), np.asarray(np.linalg.inv(lower)))
    return Registration(L4L5, *halfway(*inverse, middles), error_mm=0.1, method="vertebrae")


def points(seed: int) -> FloatArray:
    return np.random.default_rng(seed).uniform((-12, -3, -11), (12, 12, 11), (200, 3)) * [-1, -1, 1]


@given(SEEDS)
def test_dates_that_agree_keep_their_surface(seed: int) -> None:
    there = motions(seed, 3)
    dates = [
        timepoint(carried(frame(), motion), mm) for motion, mm in zip(there, (1.0, 4.0, 3.0), strict=True)
    ]
    joint = joint_frames(dates, {L4L5: registered(there, there)})
    for found, motion in zip(joint, there, strict=True):
        at = points(seed)
        np.testing.assert_allclose(found[L4L5].behind_mm(moved(motion, at)), frame().behind_mm(at), atol=0.03)
        assert found[L4L5].height_index == 0.3 and found[L4L5].disc_height_mm == 10.0


@given(SEEDS)
def test_an_error_of_one_date_is_the_same_on_all(seed: int) -> None:
    """A rim found 2 mm too far back on one date moves the surface of both alike, so that it cancels."""
    there = motions(seed, 2)
    dates = [timepoint(carried(frame(back=2.0 * n), motion)) for n, motion in enumerate(there)]
    first, second = joint_frames(dates, {L4L5: registered(there, there)})
    at = points(seed)
    one, other = first[L4L5].behind_mm(moved(there[0], at)), second[L4L5].behind_mm(moved(there[1], at))
    np.testing.assert_allclose(one, other, atol=0.02)
    np.testing.assert_allclose(one, frame(back=1.0).behind_mm(at), atol=0.05)


def test_thin_slices_count_more() -> None:
    still = np.stack([np.eye(4)] * 2)
    dates = [timepoint(frame(back=0.0), 1.0), timepoint(frame(back=2.0), 4.0)]
    joint = joint_frames(dates, {L4L5: registered(still, still)})
    back, _ = joint[0][L4L5].upper.corner(0.0)
    place = joint[0][L4L5].to_world(np.array([0.0, float(back), 5.0]))
    # 1 / 1 against 1 / 4: a fifth of the way.
    assert -place[1] == pytest.approx(0.4, abs=0.01)


def test_each_rim_moves_with_its_own_vertebra() -> None:
    """The upper vertebra bends 4 degrees forwards: each date's own rims come back, from the mean of both."""
    still = np.stack([np.eye(4)] * 2)
    bend = motion_about(np.zeros(3), np.radians([-4.0, 0.0, 0.0]), np.zeros(3))
    upper = np.stack([np.eye(4), bend])
    plain = frame()
    bent_rim = plain.to_local(
        moved(bend, plain.to_world(np.column_stack([LEFT, plain.upper.posterior, plain.upper.cranial])))
    )
    turned = replace(plain.upper, posterior=bent_rim[:, 1], cranial=bent_rim[:, 2])
    dates = [timepoint(plain), timepoint(replace(plain, upper=turned))]
    registration = registered(upper, still)
    assert registration.bending_deg(0, 1) == pytest.approx(4.0, abs=1e-6)
    joint = joint_frames(dates, {L4L5: registration})
    for found, motion in zip(joint, upper, strict=True):
        np.testing.assert_allclose(found[L4L5].upper_corner, moved(motion, plain.upper_corner), atol=0.02)
        np.testing.assert_allclose(found[L4L5].lower_corner, plain.lower_corner, atol=0.02)


def test_the_whole_rim_comes_along_where_one_date_shows_it() -> None:
    still = np.stack([np.eye(4)] * 2)
    bare = replace(frame(), upper=replace(frame().upper, outline=None))
    joint = joint_frames([timepoint(frame()), timepoint(bare)], {L4L5: registered(still, still)})
    outline = joint[1][L4L5].upper.outline
    assert outline is not None
    # The ellipse of the formula, half axes 22 and 17 mm about a middle 17 mm in front.
    off = np.hypot(outline[:, 0] / 22, (outline[:, 1] + 17) / 17)
    np.testing.assert_allclose(off, 1.0, atol=0.01)
    neither = joint_frames([timepoint(bare), timepoint(bare)], {L4L5: registered(still, still)})
    assert neither[0][L4L5].upper.outline is None


def test_where_no_field_shows_the_end_of_a_rim_it_has_none() -> None:
    still = np.stack([np.eye(4)] * 2)
    endless = replace(frame().upper, extent=(-np.inf, np.inf))
    dates = [timepoint(replace(frame(), upper=endless))] * 2
    found = joint_frames(dates, {L4L5: registered(still, still)})[0][L4L5]
    assert found.upper.extent == (-np.inf, np.inf)
    assert found.lower.extent == pytest.approx((-20.0, 20.0), abs=1e-6)
