"""Names and patients told by vertebral bodies of known size, on any grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from resorb.anatomy import Anatomy, Level, LevelNaming, Structure, anatomy_index
from resorb.comparison.levels import agree_on_levels, apart_mm, bodies, patient_doubts
from resorb.errors import UsageError
from resorb.frame import Frame, Rim
from resorb.limits import load_limits
from resorb.study import Volume
from resorb.timepoint import Timepoint
from tests.comparison.points import UPRIGHT, timepoint

LIMITS = load_limits()
DISC_MM = 9.0
#: Length and height of L1 to L5, from above; as different from each other as in people.
ANNA = ((33.0, 25.0), (34.0, 26.2), (35.2, 26.8), (35.0, 27.6), (36.2, 26.0))
BERT = ((37.0, 27.5), (38.2, 28.0), (38.5, 29.3), (39.6, 29.0), (39.0, 28.4))
NAMES = ("L1", "L2", "L3", "L4", "L5", "S1")
SHIFTED = ("T12", "L1", "L2", "L3", "L4", "L5")


def spine(
    sizes: Sequence[tuple[float, float]],
    names: Sequence[str] = NAMES,
    *,
    spacing: tuple[float, float, float] = (2.0, 0.6, 0.6),
    noise: float = 0.0,
    doubts: tuple[str, ...] = (),
) -> Timepoint:
    """Bodies as boxes, one below the other, framed at the back of each disc; `names` has one more than the bodies."""
    rng = np.random.default_rng(1)
    total = sum(height + DISC_MM for _, height in sizes) + 30
    shape = np.ceil(np.array([40.0, total, 60.0]) / spacing).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]]).T * np.array(spacing)
    affine[:3, 3] = [20.0, 50.0, 10.0]
    grid = Volume(np.zeros(tuple(int(n) for n in shape), np.uint16), affine)
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    top, frames, data = 0.0, {}, grid.data
    rim = Rim(np.array([-20.0, 20.0]), np.zeros(2), np.zeros(2), (0.0, 0.0), "a test")
    for n, (length, height) in enumerate(np.array(sizes) + rng.normal(0, noise, (len(sizes), 2))):
        inside = (world[..., 1] >= 0) & (world[..., 1] < length)
        inside &= (world[..., 2] <= top) & (world[..., 2] > top - height)
        data[inside] = anatomy_index(Structure.VERTEBRAL_BODY, names[n])
        level = Level(names[n], names[n + 1])
        origin = np.array([0.0, 0.0, top - height - DISC_MM / 2])
        frames[level] = Frame(level, origin, UPRIGHT, rim, rim, 0.0, 0.0, DISC_MM, "a test")
        top -= height + DISC_MM
    anatomy = Anatomy(grid, tuple(sorted(frames)), LevelNaming("the sacrum", doubts), "a test", {})
    return replace(timepoint("a", {}), anatomy=anatomy, frames=frames, displaced=grid)


def test_bodies_are_as_large_as_they_are() -> None:
    found = bodies(spine(ANNA))
    ellipse = 4 / np.sqrt(12)  # of a box with the same second moments
    for (length, height), body in zip(ANNA, (found[level] for level in sorted(found)), strict=True):
        # within a voxel
        assert body.length == pytest.approx(ellipse * length, abs=0.7)
        assert body.height == pytest.approx(ellipse * height, abs=0.7)
    assert found[Level("L2", "L3")].pitch == pytest.approx(26.2 + DISC_MM)


def test_another_grid_shows_the_same_bodies() -> None:
    one, other = bodies(spine(ANNA)), bodies(spine(ANNA, spacing=(4.4, 0.45, 0.45)))
    apart = apart_mm(one, other, {level: level for level in one})
    assert apart is not None and apart < 0.4


def test_two_patients_are_told_apart() -> None:
    (said,) = patient_doubts((spine(ANNA), spine(BERT)), LIMITS)
    assert said.startswith("dates 1 and 2 may be of two patients")
    assert patient_doubts((spine(ANNA), spine(ANNA, noise=0.3)), LIMITS) == ()


def test_too_few_vertebrae_in_common_tell_nothing() -> None:
    few = spine(ANNA[:2], NAMES[:3])
    assert patient_doubts((few, spine(BERT)), LIMITS) == ()


def test_names_that_fit_stay() -> None:
    dates = (spine(ANNA), spine(ANNA, noise=0.3))
    agreed, said = agree_on_levels(dates)
    assert said == () and agreed[1] is dates[1]


def test_a_count_that_is_off_by_one_is_put_right_by_the_vertebrae() -> None:
    """The second date's field ends above the sacrum, and its levels were counted one too high."""
    off = spine(ANNA, SHIFTED, noise=0.2)
    (one, two), (said,) = agree_on_levels((spine(ANNA, NAMES), off))
    assert "date 2" in said and "L4/L5 is called L5/S1" in said
    assert set(two.frames) == set(one.frames)
    assert {frame.level for frame in two.frames.values()} == set(two.frames)
    np.testing.assert_array_equal(two.anatomy.body("L3"), off.anatomy.body("L2"))
    assert patient_doubts((one, two), LIMITS) == ()


def test_the_date_whose_count_is_not_in_doubt_leads() -> None:
    doubted = spine(ANNA, SHIFTED, doubts=("the count may be off",))
    (first, _), said = agree_on_levels((doubted, spine(ANNA, NAMES, noise=0.2)))
    assert Level("L5", "S1") in first.frames and "date 1" in said[0]


def test_counts_that_contradict_each_other_are_asked_about() -> None:
    """Neither count fits well, the other one much better: the images do not tell."""
    wide = ((20.0, 15.0), (26.0, 20.0), (32.0, 25.0), (38.0, 30.0), (44.0, 35.0))
    worse = [(length + 1.1, height - 1.1) for length, height in wide]
    with pytest.raises(UsageError, match="--lowest-disc"):
        agree_on_levels((spine(wide), spine(worse, SHIFTED)))


def test_one_body_that_was_outlined_badly_is_no_other_patient() -> None:
    """By the root mean square it would be 2 mm apart."""
    spoiled = [*ANNA[:2], (ANNA[2][0] + 6.0, ANNA[2][1] - 5.0), *ANNA[3:]]
    assert patient_doubts((spine(ANNA), spine(spoiled)), LIMITS) == ()
