"""Measurements against closed forms, in any orientation, spacing and storage order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resorb.anatomy import Anatomy
from resorb.measurement import measure
from resorb.reading import DiscReading
from resorb.segmentation.levels import name_levels
from resorb.study import Volume
from resorb.timepoint import Timepoint
from tests.spine import DISC_HEIGHT, HALF_WIDTH, Bump, sampled, study_of


def read(structures: Volume) -> Timepoint:
    named: Anatomy = name_levels(structures.sagittal(), None, source="closed form")
    anatomy = replace(named, labels=structures.from_sagittal(named.labels.data))
    return measure(study_of(structures), anatomy)


def middle(timepoint: Timepoint) -> DiscReading:
    return next(disc for disc in timepoint.reading.discs if disc.level == "L4/L5")


#: Half a pixel over the whole back of the disc.
SURFACE_MM3 = 0.5 * 2 * HALF_WIDTH * DISC_HEIGHT

BUMP = Bump(depth=6.0, half_width=7.0, half_height=4.5, left=4.0)


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    angles=st.tuples(*(st.floats(-9, 9) for _ in range(3))),
    axes=st.permutations((0, 1, 2)),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    offset=st.tuples(*(st.floats(-0.4, 0.4) for _ in range(3))),
    spacing=st.sampled_from([(1.0, 0.5, 0.6), (1.2, 0.6, 0.6), (1.5, 0.7, 0.6)]),
)
def test_any_grid_gives_the_same_millimetres(
    angles: tuple[float, float, float],
    axes: list[int],
    flips: tuple[bool, bool, bool],
    offset: tuple[float, float, float],
    spacing: tuple[float, float, float],
) -> None:
    i, j, k = axes
    disc = middle(
        read(sampled(BUMP, spacing=spacing, angles=angles, axes=(i, j, k), flips=flips, offset=offset))
    )
    assert disc.depth_mm.value == pytest.approx(BUMP.depth, abs=max(spacing[1:]))
    assert disc.volume_mm3.value == pytest.approx(BUMP.volume_mm3, abs=SURFACE_MM3 * max(spacing[1:]))
    assert disc.area_mm2.value == pytest.approx(BUMP.area_mm2, rel=0.15)
    assert disc.slip_mm.value == pytest.approx(0.0, abs=max(spacing[1:]))
    assert disc.disc_height_mm.value == pytest.approx(10.0, abs=0.6)
    assert disc.side == "left"
    assert {"displaced", "focal"} <= set(disc.flags)
    assert not {"cropped", "listhesis"} & set(disc.flags)


def test_the_same_object_stored_in_another_order_gives_the_same_reading() -> None:
    plain = middle(read(sampled(BUMP)))
    turned = middle(read(sampled(BUMP, axes=(2, 0, 1), flips=(True, False, True))))
    for name in ("depth_mm", "volume_mm3", "area_mm2", "slip_mm", "width_mm", "height_mm"):
        assert getattr(turned, name).value == pytest.approx(getattr(plain, name).value, abs=1e-3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_sides(side: str) -> None:
    left = 5.0 if side == "left" else -5.0
    disc = middle(read(sampled(replace(BUMP, left=left))))
    assert disc.side == side
    assert disc.apex is not None
    # RAS+: the patient's left is negative x.
    assert disc.apex[0] == pytest.approx(-left, abs=1.5)


@pytest.mark.parametrize("depth", [2.0, 4.0, 8.0])
def test_depth_and_volume_follow_the_truth(depth: float) -> None:
    bump = replace(BUMP, depth=depth)
    disc = middle(read(sampled(bump)))
    assert disc.depth_mm.value == pytest.approx(depth, abs=0.5)
    assert disc.volume_mm3.value == pytest.approx(bump.volume_mm3, abs=SURFACE_MM3 * 0.45)
    assert ("displaced" in disc.flags) == (depth >= 3.0)


def test_nothing_displaced() -> None:
    for disc in read(sampled(None)).reading.discs:
        assert disc.depth_mm.value is not None
        assert disc.depth_mm.value < 1.0
        assert not {"displaced", "uncovered", "listhesis", "unmeasurable"} & set(disc.flags)
        assert disc.side is None


def test_thick_slices() -> None:
    disc = middle(read(sampled(BUMP, spacing=(4.0, 0.6, 0.6))))
    assert disc.depth_mm.value == pytest.approx(BUMP.depth, abs=0.8)
    assert disc.volume_mm3.value == pytest.approx(BUMP.volume_mm3, abs=SURFACE_MM3 * 0.6)


def test_slip_is_listhesis_with_uncovered_disc_and_no_herniation() -> None:
    disc = middle(read(sampled(None, slip=7.0)))
    assert disc.slip_mm.value == pytest.approx(7.0, abs=0.6)
    assert {"listhesis", "uncovered"} <= set(disc.flags)
    assert "displaced" not in disc.flags


def test_backward_slip_is_negative() -> None:
    assert middle(read(sampled(None, slip=-6.5))).slip_mm.value == pytest.approx(-6.5, abs=0.6)


def test_material_cut_by_the_field_has_only_a_lower_bound() -> None:
    wide = Bump(depth=6.0, half_width=14.0, half_height=4.5)
    disc = middle(read(sampled(wide, half_field=8.0)))
    assert "cropped" in disc.flags
    assert disc.volume_mm3.value is None
    assert disc.volume_mm3.reason == "cropped"
    assert disc.volume_mm3.low is not None
    assert 0 < disc.volume_mm3.low < wide.volume_mm3
    assert disc.depth_mm.value == pytest.approx(6.0, abs=0.7)  # its deepest point is well inside the field


def test_a_level_without_its_lower_vertebra_is_kept_with_the_reason() -> None:
    structures = sampled(BUMP)
    data = structures.data.copy()
    data[data == 3] = 0  # no sacrum in the field
    reading = read(structures.with_data(data)).reading
    lowest = reading.discs[-1]
    assert "unmeasurable" in lowest.flags
    assert "S1" in lowest.depth_mm.reason
    assert lowest.disc_volume_mm3.value == pytest.approx(10.0 * 1450.0, rel=0.1)


def test_t2_ratio_against_the_sac() -> None:
    assert middle(read(sampled(BUMP))).t2_ratio.value is None  # the sac is at the image's maximum: clipped
    structures = sampled(BUMP)
    timepoint = read(structures)
    image = timepoint.study.sagittal.volume
    bright = image.data.copy()
    bright[0, 0, 0] = 255
    series = replace(timepoint.study.sagittal, stacks=(image.with_data(bright),))
    again = measure(replace(timepoint.study, sagittal=series), timepoint.anatomy)
    ratio = middle(again).t2_ratio
    assert ratio.value is None  # a sac without any darker content is no CSF between roots
    noisy = bright.copy()
    sac = structures.data == 5
    noisy[sac & (noisy == 230)][::5] = 90
    index = sac.nonzero()
    dark = tuple(axis[::5] for axis in index)
    noisy[dark] = 90
    series = replace(timepoint.study.sagittal, stacks=(image.with_data(noisy),))
    ratio = middle(measure(replace(timepoint.study, sagittal=series), timepoint.anatomy)).t2_ratio
    assert ratio.value == pytest.approx(40 / 230, abs=0.01)
