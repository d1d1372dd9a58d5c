"""Frames fitted to bodies of closed form: where they lie, what they follow, and what they ignore."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from resorb.anatomy import Anatomy, Level, Structure, anatomy_index
from resorb.errors import NotMeasurableError
from resorb.frame import Frame
from resorb.framing import fit_frame
from resorb.segmentation.levels import name_levels
from resorb.study import FloatArray, Volume
from tests.spine import DISC_HEIGHT, Bump, sampled

L4L5, L5S1 = Level("L4", "L5"), Level("L5", "S1")
#: Rows left, posterior, cranial of an upright patient in RAS+.
UPRIGHT = np.array([[-1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])
Angles = tuple[float, float, float]


def anatomy(structures: Volume) -> Anatomy:
    return name_levels(structures.sagittal(), None, source="closed form")


def fitted(of: Anatomy | Volume, level: Level = L4L5) -> Frame:
    found = anatomy(of) if isinstance(of, Volume) else of
    return fit_frame(found, level, slip_limit_mm=3.0)


def patient(points: FloatArray, angles: Angles) -> FloatArray:
    """World points or axes in the patient's own coordinates, for a patient turned by `angles` degrees."""
    return np.asarray(Rotation.from_euler("xyz", angles, degrees=True).inv().apply(points))


@pytest.fixture(scope="module")
def upright() -> Anatomy:
    return anatomy(sampled(spacing=(1.0, 0.5, 0.5)))


def test_origin_and_corners_are_where_the_bodies_have_them(upright: Anatomy) -> None:
    frame = fitted(upright)
    np.testing.assert_allclose(frame.origin, [0, 0, 0], atol=0.3)
    np.testing.assert_allclose(frame.upper_corner, [0, 0, DISC_HEIGHT / 2], atol=0.3)
    np.testing.assert_allclose(frame.lower_corner, [0, 0, -DISC_HEIGHT / 2], atol=0.3)
    np.testing.assert_allclose((frame.upper_corner + frame.lower_corner) / 2, frame.origin, atol=1e-9)
    assert frame.disc_height_mm == pytest.approx(DISC_HEIGHT, abs=0.4)
    assert frame.slip_mm == pytest.approx(0.0, abs=0.3)
    assert frame.step_share == 0.0


@pytest.mark.parametrize("level", [L4L5, L5S1])
def test_axes_are_left_posterior_cranial_and_right_handed(upright: Anatomy, level: Level) -> None:
    axes = fitted(upright, level).axes
    np.testing.assert_allclose(axes, UPRIGHT, atol=0.02)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)


def grown(found: Anatomy) -> NDArray[np.uint16]:
    """The labels with every disc 4 mm larger wherever there is no bone."""
    labels = found.labels.data.copy()
    free = (labels == 0) | found.structure(Structure.THECAL_SAC)
    for level in found.levels:
        steps = ndimage.distance_transform_edt(~found.disc(level), sampling=found.labels.spacing_mm)
        labels[free & (steps < 4.0)] = anatomy_index(Structure.DISC, level.upper)
    return labels


def bare(found: Anatomy) -> NDArray[np.uint16]:
    """The labels without any disc and without the sac."""
    soft = found.structure(Structure.DISC) | found.structure(Structure.THECAL_SAC)
    return np.where(soft, 0, found.labels.data).astype(np.uint16)


@pytest.mark.parametrize("level", [L4L5, L5S1])
@pytest.mark.parametrize("change", [bare, grown])
def test_neither_disc_nor_sac_move_frame_or_reference(upright: Anatomy, level: Level, change: object) -> None:
    assert callable(change)
    other = replace(upright, labels=upright.labels.with_data(change(upright)))
    before, after = fitted(upright, level), fitted(other, level)
    np.testing.assert_allclose(after.origin, before.origin, atol=1e-6)
    np.testing.assert_allclose(after.axes, before.axes, atol=1e-6)
    points = before.to_world(np.random.default_rng(0).uniform(-15, 15, (300, 3)))
    np.testing.assert_allclose(after.behind_mm(points), before.behind_mm(points), atol=1e-6)


def test_a_herniation_does_not_move_the_frame() -> None:
    before, after = (fitted(sampled(bump, spacing=(1.0, 0.6, 0.6))) for bump in (None, Bump(8.0, 9.0, 4.5)))
    np.testing.assert_allclose(after.origin, before.origin, atol=1e-6)
    np.testing.assert_allclose(after.axes, before.axes, atol=1e-6)


@pytest.mark.parametrize("degrees", [-10.0, -4.0, 6.0, 10.0])
def test_a_turned_patients_left_is_the_patients(degrees: float) -> None:
    frame = fitted(sampled(spacing=(1.0, 0.6, 0.6), angles=(0.0, 0.0, degrees), half_field=32.0))
    turned = Rotation.from_euler("z", degrees, degrees=True).apply(UPRIGHT[0])
    assert np.degrees(np.arccos(frame.axes[0] @ turned)) < 1.0
    assert (np.abs(patient(frame.origin, (0.0, 0.0, degrees))) < [0.6, 0.3, 0.3]).all()


def test_a_tilted_patients_cranial_is_the_patients() -> None:
    angles = (12.0, 5.0, 0.0)
    frame = fitted(sampled(spacing=(1.0, 0.6, 0.6), angles=angles, half_field=32.0))
    np.testing.assert_allclose(patient(frame.axes, angles), UPRIGHT, atol=0.025)


def test_a_spur_in_one_slice_moves_the_corner_by_less_than_0_3_mm(upright: Anatomy) -> None:
    grid = upright.labels
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    posterior, cranial = -world[..., 1], world[..., 2]
    # A 3 x 3 mm lip behind the posterior-inferior corner of L4, in the slice next to the midline.
    spur = (np.abs(world[..., 0]) < 0.6 * grid.spacing_mm[0]) & (posterior > -1.0) & (posterior < 3.0)
    spur &= (cranial > DISC_HEIGHT / 2) & (cranial < DISC_HEIGHT / 2 + 3.0)
    labels = grid.data.copy()
    labels[spur] = anatomy_index(Structure.VERTEBRAL_BODY, "L4")
    assert (labels != grid.data).any()
    before, after = fitted(upright), fitted(replace(upright, labels=grid.with_data(labels)))
    assert np.linalg.norm(after.upper_corner - before.upper_corner) < 0.3
    assert np.linalg.norm(after.lower_corner - before.lower_corner) < 0.3


def posed(spacing: tuple[float, float, float], count: int) -> FloatArray:
    """(count, 3) origins in patient coordinates over small poses: up to 4 degrees and half a voxel."""
    random = np.random.default_rng(0)
    origins = []
    for _ in range(count):
        x, y, z = random.uniform(-4, 4, 3).tolist()
        shift = random.uniform(-0.5, 0.5, 3) * spacing
        offset = (float(shift[0]), float(shift[1]), float(shift[2]))
        structures = sampled(spacing=spacing, angles=(x, y, z), offset=offset, half_field=30.0)
        origins.append(patient(fitted(structures).origin, (x, y, z)))
    return np.array(origins)


def test_the_origin_is_repeatable_over_poses() -> None:
    # Found: SD 0.11 mm to the left, 0.08 mm backwards, 0.09 mm upwards.
    spread = posed((1.0, 0.6, 0.6), 8).std(axis=0)
    assert spread.max() <= 0.25, spread


def test_thick_slices_blur_the_origin_from_side_to_side_only() -> None:
    # Found: SD 0.08 and 0.09 mm in the plane of the slices, 0.50 mm across it: an eighth of a slice.
    spread = posed((4.0, 0.6, 0.6), 8).std(axis=0)
    assert spread[1:].max() <= 0.25, spread
    assert spread[0] <= 1.0, spread


@pytest.mark.parametrize("degrees", [0.0, 5.0])
def test_a_slab_that_cuts_the_bodies_has_its_midline_from_the_canal(degrees: float) -> None:
    angles = (0.0, 0.0, degrees)
    frame = fitted(sampled(spacing=(1.0, 0.6, 0.6), angles=angles, half_field=15.0))
    assert "canal" in frame.midline_source
    # In the slices within a pixel: a wall that lies along the grid is sampled half a pixel off.
    assert (np.abs(patient(frame.origin, angles)) < [0.9, 0.6, 0.6]).all()


@pytest.mark.parametrize(
    ("slip", "share"), [(0.0, 0.0), (2.0, 0.0), (4.5, 0.5), (7.0, 1.0), (-4.0, 0.0), (-6.5, 0.0)]
)
def test_a_forward_slip_is_found_and_steps_the_reference_gradually(slip: float, share: float) -> None:
    frame = fitted(sampled(spacing=(1.5, 0.6, 0.6), slip=slip))
    assert frame.slip_mm == pytest.approx(slip, abs=0.6)  # a pixel: half of one for each corner
    assert frame.step_share == pytest.approx(share, abs=0.25)


def test_the_fit_survives_holes_and_frayed_edges(upright: Anatomy) -> None:
    """A mask with a tenth of its edge voxels lost and speckles inside gives the frame of the clean one."""
    random = np.random.default_rng(1)
    bone = upright.structure(Structure.VERTEBRAL_BODY) | upright.structure(Structure.SACRUM)
    edge = bone & ~ndimage.binary_erosion(bone)
    lost = (edge & (random.random(bone.shape) < 0.1)) | (bone & (random.random(bone.shape) < 0.01))
    labels = np.where(lost, 0, upright.labels.data).astype(np.uint16)
    before, after = fitted(upright), fitted(replace(upright, labels=upright.labels.with_data(labels)))
    np.testing.assert_allclose(after.origin, before.origin, atol=0.3)
    np.testing.assert_allclose(after.axes, before.axes, atol=0.02)


@pytest.mark.parametrize("vertebra", ["L4", "L5"])
def test_a_vertebra_out_of_the_field_cannot_be_framed(upright: Anatomy, vertebra: str) -> None:
    body = upright.body(vertebra)
    few = np.flatnonzero(body)[:50]
    for left_over in (0, len(few)):
        labels = np.where(body, 0, upright.labels.data).astype(np.uint16)
        labels.ravel()[few[:left_over]] = anatomy_index(Structure.VERTEBRAL_BODY, vertebra)
        with pytest.raises(NotMeasurableError, match=f"{vertebra} is not in the field"):
            fitted(replace(upright, labels=upright.labels.with_data(labels)))


def test_a_vertebra_too_thin_in_every_slice_cannot_be_framed(upright: Anatomy) -> None:
    body = upright.body("L5")
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    thin = np.zeros_like(body)
    thin[:, rows[:4]] = body[:, rows[:4]]  # a plate 2 mm thick: under 80 mm2 in each slice
    labels = np.where(body & ~thin, 0, upright.labels.data).astype(np.uint16)
    with pytest.raises(NotMeasurableError, match="L5 is too small in every slice"):
        fitted(replace(upright, labels=upright.labels.with_data(labels)))


def test_a_body_seen_only_beside_the_midline_cannot_frame_a_level(upright: Anatomy) -> None:
    left = np.abs(upright.labels.to_world(np.moveaxis(np.indices(upright.labels.shape), 0, -1))[..., 0])
    labels = np.where(upright.body("L4") & (left < 7.0), 0, upright.labels.data).astype(np.uint16)
    with pytest.raises(NotMeasurableError, match="the slices do not reach the midline of L4/L5"):
        fitted(replace(upright, labels=upright.labels.with_data(labels)))


@pytest.mark.parametrize(("short", "framed"), [(5.0, True), (12.0, False)])
def test_a_narrowed_disc_may_end_in_front_of_its_corners(
    upright: Anatomy, short: float, framed: bool
) -> None:
    posterior = -upright.labels.to_world(np.moveaxis(np.indices(upright.labels.shape), 0, -1))[..., 1]
    labels = np.where(upright.disc(L4L5) & (posterior > -short), 0, upright.labels.data).astype(np.uint16)
    changed = replace(upright, labels=upright.labels.with_data(labels))
    if framed:
        np.testing.assert_allclose(fitted(changed).origin, fitted(upright).origin, atol=1e-6)
    else:
        with pytest.raises(NotMeasurableError, match="ends 12 mm from the corners"):
            fitted(changed)


def test_wings_of_the_sacrum_are_no_part_of_its_rim(upright: Anatomy) -> None:
    """Bone beside and behind the sacral endplate leaves frame and rim at L5/S1 as they are."""
    world = upright.labels.to_world(np.moveaxis(np.indices(upright.labels.shape), 0, -1))
    below = fitted(upright, L5S1).lower_corner[2]
    wing = (np.abs(world[..., 0]) > 12.0) & (world[..., 2] < below) & (world[..., 2] > below - 15.0)
    wing &= (-world[..., 1] > -20.0) & (-world[..., 1] < 3.0) & (upright.labels.data == 0)
    labels = np.where(wing, anatomy_index(Structure.SACRUM, "S1"), upright.labels.data).astype(np.uint16)
    before, after = (
        fitted(upright, L5S1),
        fitted(replace(upright, labels=upright.labels.with_data(labels)), L5S1),
    )
    np.testing.assert_allclose(after.origin, before.origin, atol=0.1)
    left = np.linspace(-20.0, 20.0, 9)
    np.testing.assert_allclose(after.lower.corner(left)[0], before.lower.corner(left)[0], atol=0.3)


def test_a_sacrum_seen_only_far_from_the_midline_is_refused() -> None:
    """That L5 is seen at the midline does not tell where the sacrum's corner is."""
    spine = sampled().sagittal()
    world = spine.to_world(np.moveaxis(np.indices(spine.shape), 0, -1))
    aside = (spine.data == Structure.SACRUM) & (np.abs(world[..., 0]) < 7.5)
    anatomy = name_levels(
        spine.with_data(np.where(aside, 0, spine.data).astype(np.uint8)), None, source="test"
    )
    with pytest.raises(NotMeasurableError, match=r"midline of L5/S1|near the midline"):
        fit_frame(anatomy, Level("L5", "S1"), slip_limit_mm=3.0)
