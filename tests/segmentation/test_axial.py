"""Axial stacks are named from the sagittal anatomy through the world, against a spine of closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from resorb.anatomy import STRUCTURE_STEP, Anatomy, Structure, anatomy_index
from resorb.segmentation.axial import (
    DISAGREE,
    ELSEWHERE,
    MISPLACED_MM,
    NO_SPINE,
    NOT_FINITE,
    with_axial,
    without_holes,
)
from resorb.segmentation.levels import name_levels
from resorb.segmentation.model import Progress, Segmentation
from resorb.study import Contrast, Plane, Series, Study, Volume
from tests.spine import PITCH, Bump, sampled, study_of


def echo(image: Volume, progress: Progress | None = None) -> Segmentation:
    """A segmenter for images that hold their own structures."""
    found = np.nan_to_num(image.data).astype(np.uint8)
    if progress:
        progress("Echoing", 1.0)
    return Segmentation(image.with_data(found), np.full(image.shape, 255, np.uint8), "an echo")


def stack(
    tilt_deg: float = 0.0,
    *,
    slice_mm: float = 4.0,
    rows: slice = slice(None),
    axes: tuple[int, int, int] = (0, 1, 2),
    flips: tuple[bool, bool, bool] = (False, False, False),
    moved_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Volume:
    """The spine on an axial grid that is tilted against it; its slices down from the top."""
    turn = (tilt_deg, 0.0, 0.0)
    down = sampled(spacing=(0.9, slice_mm, 0.9), angles=turn)
    back = np.eye(4)
    back[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).inv().as_matrix()
    back[:3, 3] = moved_mm
    affine = down.affine.copy()
    affine[:3, 3] = down.to_world((0, rows.start or 0, 0))
    cut = down.data[:, rows]
    order = np.ix_(range(4), [*axes, 3])
    stored, affine = cut.transpose(axes), (back @ affine)[order[0], order[1]]
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (stored.shape[axis] - 1)
            affine[:3, axis] *= -1
            stored = np.flip(stored, axis)
    return Volume(stored, affine)


def anatomy_of(structures: Volume) -> Anatomy:
    return name_levels(structures.sagittal(), None, source="a test")


def study(*stacks: Volume) -> Study:
    axial = Series(2, stacks, Plane.AXIAL, Contrast.T2)
    return replace(study_of(sampled(spacing=(3.0, 0.8, 0.8))), axial=axial)


@pytest.fixture(scope="module")
def sagittal() -> Anatomy:
    return anatomy_of(sampled(spacing=(3.0, 0.8, 0.8)))


def expected(structures: Volume) -> NDArray[np.uint16]:
    """Anatomy indices from the closed form: the spine's levels by height, each disc with the body above it."""
    z = structures.to_world(np.moveaxis(np.indices(structures.shape), 0, -1))[..., 2]
    vertebra = np.select([z > PITCH / 2, z > -PITCH / 2], [16, 17], 18)  # L3, L4, L5 in `VERTEBRAE`
    body = np.select([z > PITCH, z > 0], [16, 17], 18)
    data = structures.data
    labels = np.zeros(structures.shape, np.uint16)
    labels[data == Structure.VERTEBRAL_BODY] = 100 + body[data == Structure.VERTEBRAL_BODY]
    labels[data == Structure.DISC] = 400 + vertebra[data == Structure.DISC]
    labels[data == Structure.SACRUM] = anatomy_index(Structure.SACRUM, "S1")
    labels[data == Structure.THECAL_SAC] = anatomy_index(Structure.THECAL_SAC)
    return labels


@given(
    tilt=st.floats(-25, 25),
    axes=st.permutations((0, 1, 2)).map(lambda axes: (axes[0], axes[1], axes[2])),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
@settings(max_examples=10)
def test_every_voxel_gets_its_level_however_the_stack_is_tilted_and_stored(
    sagittal: Anatomy, tilt: float, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> None:
    image = stack(tilt, axes=axes, flips=flips)
    anatomy = with_axial(sagittal, study(image), echo)
    (labels,) = anatomy.axial
    assert labels.data.dtype == np.uint16
    np.testing.assert_array_equal(labels.affine, image.affine)
    # A tilted stack reaches beyond the sagittal field, where levels are not told.
    there = sagittal.labels.to_index(image.to_world(np.moveaxis(np.indices(image.shape), 0, -1)))
    inside = ((there > -0.5) & (there < np.array(sagittal.labels.shape) - 0.5)).all(axis=-1)
    np.testing.assert_array_equal(labels.data[inside], expected(image)[inside])
    assert anatomy.warnings == sagittal.warnings


def test_the_segmenter_sees_axial_slices(sagittal: Anatomy) -> None:
    seen: list[Volume] = []

    def watching(image: Volume, progress: Progress | None = None) -> Segmentation:
        seen.append(image)
        return echo(image, progress)

    image = stack(10.0, axes=(2, 0, 1), flips=(True, False, True))
    with_axial(sagittal, study(image), watching)
    np.testing.assert_allclose(seen[0].affine, image.axial().affine)


def test_a_slab_names_what_lies_beside_it() -> None:
    """SPIDER's slabs show the middle 12 mm of a vertebra; the axial stack shows all of it."""
    slab = anatomy_of(sampled(spacing=(1.0, 0.8, 0.8), half_field=6.0))
    image = stack(5.0)
    (labels,) = with_axial(slab, study(image), echo).axial
    truth = expected(image)
    wide = (truth > 0) & (truth < anatomy_index(Structure.THECAL_SAC))
    assert np.mean(labels.data[wide] == truth[wide]) > 0.99


def test_what_the_sagittal_series_does_not_show_is_not_named() -> None:
    """Its lower half only: in a stack of the whole spine no level is given to what lies above."""
    whole = sampled(spacing=(3.0, 0.8, 0.8)).sagittal()
    first = whole.shape[1] // 3
    affine = whole.affine.copy()
    affine[:3, 3] = whole.to_world((0, first, 0))
    lower = anatomy_of(Volume(whole.data[:, first:], affine))
    (labels,) = with_axial(lower, study(stack()), echo).axial
    top = whole.to_world((0, first, 0))[2]
    z = labels.to_world(np.moveaxis(np.indices(labels.shape), 0, -1))[..., 2]
    assert labels.data[z < top].any()
    assert not labels.data[z > top + 16.0].any()


@pytest.mark.parametrize("moved", [(9.0, 0.0, 0.0), (0.0, 9.0, 0.0), (0.0, 0.0, 9.0)])
def test_a_patient_who_moved_is_a_doubt_and_the_levels_stay(
    sagittal: Anatomy, moved: tuple[float, float, float]
) -> None:
    """By 9 mm, less than a third of the way to the next disc: which disc is which is not in doubt."""
    image = stack(moved_mm=moved)
    anatomy = with_axial(sagittal, study(image), echo)
    assert anatomy.warnings[-1] == f"axial stack 1: {DISAGREE}"
    still = expected(stack())
    discs = still // 100 == Structure.DISC
    np.testing.assert_array_equal(anatomy.axial[0].data[discs], still[discs])


def test_two_millimetres_are_no_doubt(sagittal: Anatomy) -> None:
    assert with_axial(sagittal, study(stack(moved_mm=(1.2, 1.2, 1.2))), echo).warnings == sagittal.warnings


def test_a_stack_that_shows_no_spine_is_left_out_and_keeps_its_place(sagittal: Anatomy) -> None:
    good, tilted = stack(slice_mm=3.0), stack(15.0)
    blank = good.with_data(np.zeros_like(good.data))
    elsewhere = stack(moved_mm=(0.0, 0.0, 200.0))
    broken = good.with_data(np.where(good.data == 0, np.nan, good.data).astype(np.float32))
    anatomy = with_axial(sagittal, study(good, blank, elsewhere, tilted, broken, blank), echo)
    assert [bool(labels.data.any()) for labels in anatomy.axial] == [True, False, False, True, False, False]
    assert [labels.shape for labels in anatomy.axial][:4] == [
        image.shape for image in (good, blank, elsewhere, tilted)
    ]
    assert anatomy.warnings[len(sagittal.warnings) :] == (
        f"axial stacks 2, 6: {NO_SPINE}",
        f"axial stack 3: {ELSEWHERE}",
        f"axial stack 5: {NOT_FINITE}",
    )


def test_displaced_material_belongs_to_its_disc() -> None:
    """Also in front of the sac behind the body below, where no disc is nearest by height alone."""
    bump = Bump(depth=7.0, half_width=7.0, half_height=12.0)
    anatomy = anatomy_of(sampled(bump, spacing=(3.0, 0.8, 0.8)))
    image = sampled(bump, spacing=(0.9, 3.0, 0.9))
    (labels,) = with_axial(anatomy, study(image), echo).axial
    z = image.to_world(np.moveaxis(np.indices(image.shape), 0, -1))[..., 2]
    behind_bodies = (image.data == Structure.DISC) & (np.abs(z) > 6.0) & (np.abs(z) < 12.0)
    assert behind_bodies.any()
    assert set(np.unique(labels.data[behind_bodies])) == {anatomy_index(Structure.DISC, "L4")}


def test_without_axial_series_nothing_is_added(sagittal: Anatomy) -> None:
    assert with_axial(sagittal, study_of(sampled(spacing=(3.0, 0.8, 0.8))), echo) is sagittal


def test_progress_runs_over_all_stacks(sagittal: Anatomy) -> None:
    told: list[float] = []
    with_axial(sagittal, study(stack(), stack(5.0)), echo, lambda _name, done: told.append(done))
    assert told == [0.5, 1.0]


def test_bone_where_the_sagittal_series_has_disc_or_no_bone_is_disc(sagittal: Anatomy) -> None:
    """The left half of the upper discs taken for sacrum, and tissue behind them, of which some is likely disc."""
    true = stack()
    seen = true.axial()
    x, _, z = np.moveaxis(seen.to_world(np.moveaxis(np.indices(seen.shape), 0, -1)), -1, 0)
    high = z > z[seen.data == Structure.SACRUM].max() + MISPLACED_MM + 4.0
    left = (seen.data == Structure.DISC) & (x < 0) & high
    behind = (
        ndimage.binary_dilation(seen.data == Structure.DISC, np.ones((1, 7, 7))) & (seen.data == 0) & high
    )
    own = (seen.data == Structure.SACRUM) & (z < z[seen.data == Structure.SACRUM].max() - 5.0)
    likely = np.asarray(x < -8.0)
    taken = np.where(left | behind, Structure.SACRUM, seen.data).astype(np.uint8)
    for part in (left, behind & likely, behind & ~likely, own & likely):
        assert part.any()

    def segmenter(image: Volume, progress: Progress | None = None) -> Segmentation:
        return Segmentation(image.with_data(taken), np.full(image.shape, 255, np.uint8), "wrong", likely)

    found = with_axial(sagittal, study(true), segmenter).axial[0].axial().data // 100
    assert (found[left] == Structure.DISC).mean() > 0.9  # the sagittal grid ends elsewhere by half a voxel
    assert (found[behind & likely] == Structure.DISC).all()
    assert (found[behind & ~likely] == Structure.DISC).mean() < 0.1
    assert (found[own] == Structure.SACRUM).all()


def test_little_sac_within_a_disc_is_disc_and_an_endplate_stays() -> None:
    """One slice: a disc that encloses sac, background and bone, beside the sac itself."""
    slice_ = np.zeros((40, 40), np.uint8)
    slice_[5:25, 5:35] = Structure.DISC
    slice_[8:10, 8:10] = Structure.THECAL_SAC
    slice_[8:10, 14:16] = Structure.BACKGROUND
    slice_[12:20, 10:20] = Structure.VERTEBRAL_BODY
    slice_[26:36, 12:28] = Structure.THECAL_SAC
    wanted = slice_.copy()
    wanted[8:10, 8:10] = wanted[8:10, 14:16] = Structure.DISC
    found = Volume(np.stack([slice_, np.zeros_like(slice_)]), np.diag([4.0, 0.5, 0.5, 1.0]))
    filled = without_holes(found).data
    np.testing.assert_array_equal(filled[0], wanted)
    assert not filled[1].any()


def test_a_sac_around_which_disc_closes_stays() -> None:
    ring = np.full((1, 60, 60), Structure.DISC, np.uint8)
    ring[0, 15:40, 15:45] = Structure.THECAL_SAC
    found = Volume(ring, np.diag([4.0, 0.5, 0.5, 1.0]))
    np.testing.assert_array_equal(without_holes(found).data, ring)


def test_holes_of_a_stack_are_filled_on_the_way(sagittal: Anatomy) -> None:
    """A spine in axial slices, one voxel of sac in the middle of a disc: the same anatomy as without it."""
    whole = stack()
    disc = np.argwhere(whole.data == Structure.DISC)
    of_slice = disc[disc[:, 1] == np.bincount(disc[:, 1]).argmax()]
    middle = of_slice[np.argmin(np.sum((of_slice - of_slice.mean(axis=0)) ** 2, axis=1))]
    holed = whole.data.copy()
    holed[tuple(middle)] = Structure.THECAL_SAC
    wanted, found = (
        with_axial(sagittal, study(one), echo).axial[0].data for one in (whole, whole.with_data(holed))
    )
    assert wanted[tuple(middle)] // STRUCTURE_STEP == Structure.DISC
    np.testing.assert_array_equal(found, wanted)
