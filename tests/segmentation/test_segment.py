"""Through the seam: any segmenter, and label maps made elsewhere completed by one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.errors import NotMeasurableError
from resorb.output import write_volume
from resorb.segmentation.model import Progress, Segmentation
from resorb.segmentation.segment import (
    AXIAL_BY_MODEL,
    SACRUM_BY_MODEL,
    SPLIT_BY_MODEL,
    anatomy_from_mask,
    segment,
)
from resorb.study import Contrast, Plane, Series, Study, Volume
from tests.segmentation import look
from tests.spine import sampled, study_of

BODY, POSTERIOR, SACRUM, DISC, SAC = (int(s) for s in list(Structure)[1:])


@dataclass
class Fake:
    """A segmenter that knows the answer, in sagittal order, and notes what it was asked."""

    structures: Volume
    asked: list[Volume] = field(default_factory=list)

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation:
        self.asked.append(image)
        if progress:
            progress("Faking", 1.0)
        found = self.structures.sagittal()
        return Segmentation(found, np.full(found.shape, 255, np.uint8), "a fake")


def with_arches(structures: Volume) -> Volume:
    """The spine with an arch behind the canal at every body's height."""
    world = structures.to_world(np.moveaxis(np.indices(structures.shape), 0, -1))
    bone = np.unique(np.argwhere(np.isin(structures.data, (BODY, SACRUM)))[:, 1])
    arch = (np.abs(world[..., 0]) < 6.0) & (world[..., 1] < -21.0) & (world[..., 1] > -30.0)
    rows = np.isin(np.arange(structures.shape[1]), bone)
    arch &= rows[None, :, None] & (structures.data == 0)
    data = structures.data.copy()
    data[arch & (world[..., 2] > -40.0)] = POSTERIOR
    return structures.with_data(data)


@pytest.fixture(scope="module")
def truth() -> Volume:
    return with_arches(sampled(spacing=(2.0, 0.8, 0.8)))


@pytest.fixture
def study(truth: Volume) -> Study:
    return study_of(truth)


def structures(labels: Volume) -> NDArray[np.uint16]:
    return np.asarray(labels.data // 100)


def test_any_segmenter_fits_the_seam(study: Study, truth: Volume) -> None:
    fake, told = Fake(truth), []
    anatomy = segment(study, segmenter=fake, progress=lambda what, _fraction: told.append(what))
    np.testing.assert_array_equal(structures(anatomy.labels), truth.data)
    assert [str(level) for level in anatomy.levels] == ["L3/L4", "L4/L5", "L5/S1"]
    assert anatomy.source == "a fake"
    assert told == ["Faking"]
    assert set(anatomy.confidence.values()) == {1.0}


def test_a_segmenter_sees_sagittal_slices_and_its_answer_goes_back_to_the_files_order() -> None:
    stored = sampled(spacing=(2.0, 0.8, 0.8), axes=(2, 0, 1), flips=(True, False, True))
    fake = Fake(stored)
    anatomy = segment(study_of(stored), segmenter=fake)
    assert fake.asked[0].shape == stored.sagittal().shape
    np.testing.assert_allclose(fake.asked[0].affine, stored.sagittal().affine)
    np.testing.assert_array_equal(structures(anatomy.labels), stored.data)
    np.testing.assert_array_equal(anatomy.labels.affine, stored.affine)


def test_the_lowest_disc_can_be_named_through_the_seam(study: Study, truth: Volume) -> None:
    anatomy = segment(study, segmenter=Fake(truth), lowest_disc=Level("L6", "S1"))
    assert [str(level) for level in anatomy.levels] == ["L4/L5", "L5/L6", "L6/S1"]


def test_an_unnamed_t1_image_is_refused_unless_its_series_was_asked_for() -> None:
    spine = look.structures()
    series = Series(1, (look.scan(spine, "T1"),), Plane.SAGITTAL, Contrast.UNKNOWN)
    t1 = Study((series,), series, None, (), (), None, "0" * 64)
    with pytest.raises(NotMeasurableError, match="looks T1-weighted"):
        segment(t1, segmenter=Fake(spine))
    assert any("T1" in warning for warning in segment(t1, segmenter=Fake(spine), asked_for=True).warnings)


def test_nothing_found_is_not_measurable(study: Study, truth: Volume) -> None:
    nothing = Fake(truth.with_data(np.zeros_like(truth.data)))
    with pytest.raises(NotMeasurableError, match="does not look like a lumbar T2"):
        segment(study, segmenter=nothing)


def mask(folder: Path, labels: NDArray[np.generic], grid: Volume) -> Path:
    path = folder / "mask.nii.gz"
    write_volume(path, grid.with_data(labels.astype(np.uint16)))
    return path


def spider(truth: Volume) -> NDArray[np.uint16]:
    """The same spine as SPIDER's public files label it: vertebrae in one piece, disc, canal, no sacrum."""
    return np.select(
        [np.isin(truth.data, (BODY, POSTERIOR)), truth.data == DISC, truth.data == SAC], [1, 2, 3], 0
    ).astype(np.uint16)


def test_whole_vertebrae_are_split_and_a_missing_sacrum_is_filled_and_both_are_said(
    study: Study, truth: Volume, tmp_path: Path
) -> None:
    fake = Fake(truth)
    anatomy = anatomy_from_mask(study, mask(tmp_path, spider(truth), truth), "spider", segmenter=fake)
    assert len(fake.asked) == 1
    np.testing.assert_array_equal(structures(anatomy.labels), truth.data)
    assert {SPLIT_BY_MODEL, SACRUM_BY_MODEL} <= set(anatomy.warnings)
    assert anatomy.naming.anchor == "the sacrum"
    assert anatomy.source.startswith("mask, scheme spider")
    assert anatomy.confidence == {}


def test_the_given_mask_is_believed_where_the_segmenter_disagrees(
    study: Study, truth: Volume, tmp_path: Path
) -> None:
    """Filling in takes only what the mask leaves open: its discs and its sac stay as they are."""
    wrong = truth.data.copy()
    wrong[(wrong == DISC) | (wrong == SAC)] = SACRUM
    given = spider(truth)
    anatomy = anatomy_from_mask(
        study, mask(tmp_path, given, truth), "spider", segmenter=Fake(truth.with_data(wrong))
    )
    found = structures(anatomy.labels)
    np.testing.assert_array_equal(found == DISC, given == 2)
    np.testing.assert_array_equal(found == SAC, given == 3)


def test_what_no_segmenter_saw_is_split_at_the_front_of_the_canal(
    study: Study, truth: Volume, tmp_path: Path
) -> None:
    blind = Fake(truth.with_data(np.where(truth.data == SACRUM, SACRUM, 0).astype(np.uint8)))
    anatomy = anatomy_from_mask(study, mask(tmp_path, spider(truth), truth), "spider", segmenter=blind)
    np.testing.assert_array_equal(structures(anatomy.labels), truth.data)


def test_a_sacrum_that_nobody_sees_is_a_doubt(study: Study, truth: Volume, tmp_path: Path) -> None:
    without = Fake(truth.with_data(np.where(truth.data == SACRUM, 0, truth.data).astype(np.uint8)))
    anatomy = anatomy_from_mask(study, mask(tmp_path, spider(truth), truth), "spider", segmenter=without)
    assert SACRUM_BY_MODEL not in anatomy.warnings
    assert any("sacrum was not found" in doubt for doubt in anatomy.naming.doubts)


def own(truth: Volume, discs: tuple[str, ...]) -> NDArray[np.uint16]:
    """The spine in resorb's own scheme, its discs named from above downwards."""
    labels = truth.data.astype(np.uint16) * 100
    labels[truth.data == SACRUM] = anatomy_index(Structure.SACRUM, "S1")
    heights = truth.to_world(np.moveaxis(np.indices(truth.shape), 0, -1))[..., 2]
    for vertebra, (low, high) in zip(discs, ((18.0, 60.0), (-18.0, 18.0), (-60.0, -18.0)), strict=True):
        here = (heights > low) & (heights <= high)
        labels[here & (truth.data == DISC)] = anatomy_index(Structure.DISC, vertebra)
        labels[here & (truth.data == BODY)] = anatomy_index(Structure.VERTEBRAL_BODY, vertebra)
        labels[here & (truth.data == POSTERIOR)] = anatomy_index(Structure.POSTERIOR_ELEMENTS, vertebra)
    return labels


@pytest.mark.parametrize(
    ("named", "levels"),
    [
        (("L3", "L4", "L5"), ["L3/L4", "L4/L5", "L5/S1"]),
        (("L4", "L5", "L6"), ["L4/L5", "L5/L6", "L6/S1"]),
        (("T11", "T12", "L1"), ["T11/T12", "T12/L1", "L1/L2"]),
    ],
)
def test_a_mask_that_names_its_levels_keeps_them(
    study: Study, truth: Volume, tmp_path: Path, named: tuple[str, ...], levels: list[str]
) -> None:
    never = Fake(truth)
    anatomy = anatomy_from_mask(study, mask(tmp_path, own(truth, named), truth), "resorb", segmenter=never)
    assert [str(level) for level in anatomy.levels] == levels
    assert "by the label map" in anatomy.naming.anchor
    assert never.asked == [], "nothing was missing"
    assert not {SPLIT_BY_MODEL, SACRUM_BY_MODEL} & set(anatomy.warnings)


def test_the_user_overrules_the_masks_names(study: Study, truth: Volume, tmp_path: Path) -> None:
    path = mask(tmp_path, own(truth, ("L3", "L4", "L5")), truth)
    anatomy = anatomy_from_mask(study, path, "resorb", segmenter=Fake(truth), lowest_disc=Level("L4", "S1"))
    assert [str(level) for level in anatomy.levels] == ["L2/L3", "L3/L4", "L4/S1"]
    assert "by the user" in anatomy.naming.anchor


def with_axial_stack(study: Study, truth: Volume) -> tuple[Study, Volume]:
    """The study with an axial stack too, and its true structures."""
    across = sampled(spacing=(0.9, 4.0, 0.9))
    stack = study_of(across).sagittal.volume
    return replace(study, axial=Series(2, (stack,), Plane.AXIAL, Contrast.T2)), across


@dataclass
class Both:
    """Knows the answer for each of two grids, in the order asked for."""

    answers: tuple[Volume, ...]
    asked: list[Volume] = field(default_factory=list)

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation:
        self.asked.append(image)
        if progress:
            progress("Faking", 0.5)
            progress("Faking", 1.0)
        found = next(one for one in self.answers if one.shape == image.shape)
        return Segmentation(found, np.full(found.shape, 255, np.uint8), "a fake")


def test_axial_stacks_are_segmented_after_the_sagittal_series(study: Study, truth: Volume) -> None:
    both, across = with_axial_stack(study, truth)
    fake, told = Both((truth.sagittal(), across.axial())), []
    anatomy = segment(both, segmenter=fake, progress=lambda _what, done: told.append(done))
    assert len(fake.asked) == 2
    np.testing.assert_array_equal(structures(anatomy.axial[0]), across.data)
    assert told == sorted(told) and told[-1] == pytest.approx(1.0)
    assert segment(study, segmenter=fake).axial == ()


def test_beside_a_label_map_axial_stacks_are_the_models_work_and_said_so(
    study: Study, truth: Volume, tmp_path: Path
) -> None:
    both, across = with_axial_stack(study, truth)
    path = mask(tmp_path, own(truth, ("L3", "L4", "L5")), truth)
    fake = Both((truth.sagittal(), across.axial()))
    anatomy = anatomy_from_mask(both, path, "resorb", segmenter=fake)
    assert [image.shape for image in fake.asked] == [across.axial().shape], "the label map lacks nothing"
    np.testing.assert_array_equal(structures(anatomy.axial[0]), across.data)
    assert AXIAL_BY_MODEL in anatomy.warnings
    assert AXIAL_BY_MODEL not in anatomy_from_mask(study, path, "resorb", segmenter=fake).warnings


def test_resorbs_own_axial_masks_beside_the_sagittal_one_are_read(
    study: Study, truth: Volume, tmp_path: Path
) -> None:
    """An edited anatomy with its axial maps is measured as it lies there: no voxel is segmented again."""
    both, across = with_axial_stack(study, truth)
    path = mask(tmp_path, own(truth, ("L3", "L4", "L5")), truth)
    fake = Both((truth.sagittal(), across.axial()))
    edited = anatomy_from_mask(both, path, "resorb", segmenter=fake).axial[0]
    edited.data[0, 0, 0] = anatomy_index(Structure.DISC, "L4")
    fake.asked.clear()
    beside = path.with_name(path.name.replace(".nii", "_axial-1.nii"))
    mask(tmp_path, edited.data, across).rename(tmp_path / "axial.nii.gz")
    own_path = mask(tmp_path, own(truth, ("L3", "L4", "L5")), truth)
    (tmp_path / "axial.nii.gz").rename(beside)
    again = anatomy_from_mask(both, own_path, "resorb", segmenter=fake)
    assert fake.asked == []
    np.testing.assert_array_equal(again.axial[0].data, edited.data)
    assert AXIAL_BY_MODEL not in again.warnings
    renamed = anatomy_from_mask(both, own_path, "resorb", segmenter=fake, lowest_disc=Level("L4", "S1"))
    assert AXIAL_BY_MODEL in renamed.warnings, "other names than those of the files"
