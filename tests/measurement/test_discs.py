"""Measurements against closed forms, in any orientation, spacing and storage order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resorb.anatomy import Anatomy, Level, Structure
from resorb.measurement import measure
from resorb.reading import QUANTITIES, DiscReading, Reading
from resorb.segmentation.levels import name_levels
from resorb.study import Volume
from resorb.timepoint import Timepoint
from tests.spine import DISC_HEIGHT, HALF_WIDTH, Bump, sampled, study_of


def read(structures: Volume) -> Timepoint:
    named: Anatomy = name_levels(structures.sagittal(), None, source="closed form")
    anatomy = replace(named, labels=structures.from_sagittal(named.labels.data))
    return measure(study_of(structures), anatomy)


def middle(timepoint: Timepoint) -> DiscReading:
    return middle_of(timepoint.reading)


def middle_of(reading: Reading) -> DiscReading:
    return next(disc for disc in reading.discs if disc.level == "L4/L5")


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
    (one,) = disc.herniations
    assert one.sagittal_area_mm2.value == pytest.approx(BUMP.area_mm2, rel=0.15)
    assert one.axial_area_mm2.value == pytest.approx(BUMP.axial_area_mm2, rel=0.15)
    assert one.depth_mm.value == pytest.approx(BUMP.depth, abs=0.5)
    assert one.volume_mm3.value == pytest.approx(BUMP.volume_mm3, rel=0.12)
    assert one.width_mm.value == pytest.approx(2 * BUMP.half_width, abs=1.2)
    assert one.height_mm.value == pytest.approx(2 * BUMP.half_height, abs=0.8)
    assert one.continuous
    assert one.classes is not None
    # Half an ellipsoid is exactly as wide as its base: a protrusion, or within the error of one.
    assert one.classes.morphology.value == "protrusion" or one.classes.morphology.near
    assert one.classes.side.value == "left"
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


def test_the_level_is_its_bulge_and_its_herniation() -> None:
    disc = middle(read(sampled(BUMP)))
    (one,) = disc.herniations
    whole, focal, bulge = (
        getattr(disc, name).value for name in ("volume_mm3", "focal_volume_mm3", "bulge_volume_mm3")
    )
    assert focal == pytest.approx(one.volume_mm3.value, abs=0.01)
    assert whole == pytest.approx(focal + bulge, abs=0.01)
    assert bulge < SURFACE_MM3 * 0.45
    # Where it stands on the disc: an ellipse, through which it hangs together with it.
    assert one.contact_mm2.value == pytest.approx(np.pi * BUMP.half_width * BUMP.half_height, rel=0.25)
    for plane, size in ((one.axial, BUMP.half_width), (one.sagittal, BUMP.half_height)):
        assert plane.base_mm.value == pytest.approx(2 * size, abs=1.6)
        assert plane.extent_mm.value == pytest.approx(2 * size, abs=1.6)
    assert (one.cranial_migration_mm.value, one.caudal_migration_mm.value) == pytest.approx((0, 0), abs=0.3)


def test_a_bulge_within_the_error_of_the_models_outlines_is_one_only_in_masks_that_were_given() -> None:
    """Disc 1.8 mm behind its wall: beyond the floor and the error of a mask (1.35 mm), not of the model (2 mm)."""
    structures = sampled(Bump(depth=1.8, half_width=19.0, half_height=6.0))
    found = read(structures)
    given_ = measure(study_of(structures), replace(found.anatomy, source="mask, scheme resorb"))
    share = [middle(one).circumference_share.value for one in (given_, found)]
    # Half an ellipse of 1.8 mm is more than 1.35 mm high over two thirds of its width of 38 mm.
    assert share[0] == pytest.approx(2 / 3 * 38.0 / 150.0, abs=0.08)
    assert share[1] == 0.0


def test_the_sac_and_the_canal() -> None:
    """The sac is a cylinder of 8 mm radius; the bump fills the part of the canal that it fills."""
    disc = middle(read(sampled(BUMP)))
    assert disc.sac_area_mm2.value == pytest.approx(np.pi * 64.0, rel=0.08)
    plain = middle(read(sampled(None)))
    assert plain.sac_area_mm2.value == pytest.approx(np.pi * 64.0, rel=0.08)
    assert plain.herniations == ()
    assert plain.classes is not None
    assert plain.classes.morphology.value == "none"


def test_levels_are_measured_against_the_frames_that_are_given() -> None:
    """A frame moved 1 mm backwards leaves 1 mm less behind it."""
    structures = sampled(BUMP)
    first = read(structures)
    level = Level("L4", "L5")
    frame = first.frames[level]
    moved = replace(frame, origin=frame.origin + frame.axes[1])
    again = measure(first.study, first.anatomy, frames={level: moved})
    assert again.frames[level] is moved
    before, after = middle(first), middle(again)
    assert before.depth_mm.value is not None
    assert after.depth_mm.value == pytest.approx(before.depth_mm.value - 1.0, abs=0.1)
    others = [
        (a.depth_mm, b.depth_mm)
        for a, b in zip(first.reading.discs, again.reading.discs, strict=True)
        if a.level != str(level)
    ]
    assert all(a == b for a, b in others)


def test_two_herniations_of_one_disc_are_two() -> None:
    structures = sampled(replace(BUMP, left=9.0, half_width=5.0))
    other = sampled(Bump(5.0, 5.0, 4.0, left=-9.0))
    both = structures.data.copy()
    both[other.data == int(Structure.DISC)] = int(Structure.DISC)
    disc = middle(read(structures.with_data(both)))
    assert [one.number for one in disc.herniations] == [1, 2]
    right, left = disc.herniations
    assert right.classes is not None and right.classes.side.value == "right"
    assert left.classes is not None and left.classes.side.value == "left"
    assert right.depth_mm.value == pytest.approx(5.0, abs=0.5)
    assert left.depth_mm.value == pytest.approx(6.0, abs=0.5)


def test_a_free_fragment_is_not_continuous_and_has_migrated() -> None:
    structures = sampled()
    index = np.stack(np.meshgrid(*(np.arange(n) for n in structures.shape), indexing="ij"), axis=-1)
    left, posterior, cranial = np.moveaxis(structures.to_world(index) * [-1.0, -1.0, 1.0], -1, 0)
    # A ball of 4 mm radius, its middle 4.5 mm behind the body below, 14 mm below the disc's lower rim.
    ball = np.linalg.norm([left - 4.0, posterior - 4.6, cranial + 19.0], axis=0) < 4.0
    data = structures.data.copy()
    data[ball] = int(Structure.DISC)
    disc = next(d for d in read(structures.with_data(data)).reading.discs if d.herniations)
    (one,) = disc.herniations
    assert not one.continuous
    assert one.volume_mm3.value == pytest.approx(4 / 3 * np.pi * 64.0, rel=0.1)
    assert one.contact_mm2.value == 0.0
    assert one.classes is not None
    assert one.classes.morphology.value == "sequestration"
    migration = one.caudal_migration_mm if disc.level == "L4/L5" else one.cranial_migration_mm
    expected = 18.0 if disc.level == "L4/L5" else 36.0 - 19.0 - 5.0 + 4.0
    assert migration.value == pytest.approx(expected, abs=0.8)


def test_axial_stacks_tell_width_and_canal_where_they_cover_the_level() -> None:
    sagittal = sampled(BUMP, spacing=(4.0, 0.6, 0.6))
    # Slices from above downwards, 2 mm apart: axis 0 of the sagittal order is left-right.
    axial = sampled(BUMP, spacing=(0.6, 2.0, 0.6))
    plain = read(sagittal)
    named = name_levels(axial.sagittal(), None, source="closed form")
    labels = axial.from_sagittal(named.labels.data)
    both = replace(plain.anatomy, axial=(labels,), source="mask, closed form")
    (one,) = middle(measure(plain.study, both)).herniations
    assert (one.width_mm.source, one.height_mm.source) == ("axial", "sagittal")
    assert one.axial.extent_mm.source == "axial"
    assert one.width_mm.value == pytest.approx(2 * BUMP.half_width, abs=0.8)
    assert (one.volume_mm3.source, one.depth_mm.source) == ("sagittal and axial", "sagittal")
    assert one.volume_mm3.value == pytest.approx(BUMP.volume_mm3, rel=0.12)
    # The embedded model leaves more out in axial slices: of its outlines the sagittal ones count.
    (drawn,) = middle(measure(plain.study, replace(both, source="resorb model"))).herniations
    assert drawn.volume_mm3.source == "sagittal" and drawn.width_mm.source == "axial"
    # A stack that does not reach the level changes nothing.
    away = labels.affine.copy()
    away[2, 3] -= 300.0
    (other,) = middle(
        measure(plain.study, replace(plain.anatomy, axial=(Volume(labels.data, away),)))
    ).herniations
    assert other == middle(plain).herniations[0]


@pytest.mark.parametrize("fault", ["no sac", "speckled disc", "disc everywhere behind", "half a field"])
def test_odd_masks_are_measured_or_said_to_be_unmeasurable(fault: str) -> None:
    structures = sampled(BUMP, spacing=(3.0, 1.0, 1.0), half_field=12.0 if fault == "half a field" else 28.0)
    data = structures.data.copy()
    rng = np.random.default_rng(5)
    disc = data == int(Structure.DISC)
    if fault == "no sac":
        data[data == int(Structure.THECAL_SAC)] = 0
    elif fault == "speckled disc":
        data[disc & (rng.random(data.shape) < 0.5)] = 0
    elif fault == "disc everywhere behind":
        data[data == int(Structure.THECAL_SAC)] = int(Structure.DISC)
    reading = read(structures.with_data(data)).reading
    assert Reading.from_json(reading.to_json()) == reading
    for one in reading.discs:
        for name in QUANTITIES:
            quantity = getattr(one, name)
            assert quantity.value is not None or quantity.reason, (one.level, name)
    if fault == "no sac":
        assert middle_of(reading).sac_area_mm2.value is None
        assert middle_of(reading).canal_occupied.value is None


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
