"""Level names on label maps of closed form, and on expert masks where the data tells the names."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.errors import InputError, NotMeasurableError, UsageError
from resorb.segmentation.levels import name_levels
from resorb.study import Volume
from tests.spine import Bump, sampled

FROM_L5_UP = ("L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10", "T9")


def names(structures: Volume, lowest: str | None = None) -> list[str]:
    level = Level.parse(lowest) if lowest else None
    return [str(n) for n in name_levels(structures, None, source="test", lowest_disc=level).levels]


def test_named_from_the_sacrum_up() -> None:
    anatomy = name_levels(sampled().sagittal(), None, source="test")
    assert [str(level) for level in anatomy.levels] == ["L3/L4", "L4/L5", "L5/S1"]
    assert anatomy.naming.anchor == "the sacrum"


def test_the_lowest_disc_can_be_named() -> None:
    assert names(sampled().sagittal(), "L6/S1") == ["L4/L5", "L5/L6", "L6/S1"]
    assert names(sampled().sagittal(), "T12/L1") == ["T10/T11", "T11/T12", "T12/L1"]
    assert names(sampled().sagittal(), "L4/S1") == ["L2/L3", "L3/L4", "L4/S1"]


def test_no_names_left() -> None:
    with pytest.raises(UsageError, match="no names left"):
        names(sampled().sagittal(), "T1/T2")


def test_a_missing_sacrum_is_a_doubt() -> None:
    structures = sampled().sagittal()
    data = np.where(structures.data == Structure.SACRUM, 0, structures.data).astype(np.uint8)
    anatomy = name_levels(structures.with_data(data), None, source="test")
    assert str(anatomy.levels[-1]) == "L5/S1"
    assert any("sacrum" in doubt for doubt in anatomy.naming.doubts)


def test_every_body_gets_its_own_name_however_the_spine_is_tilted() -> None:
    structures = sampled(angles=(14.0, 3.0, 0.0)).sagittal()
    anatomy = name_levels(structures, None, source="test")
    for vertebra in ("L3", "L4", "L5"):
        body = np.argwhere(anatomy.body(vertebra))
        volume = len(body) * structures.voxel_volume_mm3
        assert volume == pytest.approx(26.0 * 1450.0, rel=0.12) or vertebra == "L3"  # L3 is cut by the field
    heights = [
        structures.to_world(np.argwhere(anatomy.body(v)).mean(axis=0))[2] for v in ("L3", "L4", "L5", "S1")
    ]
    assert heights == sorted(heights, reverse=True)


def test_a_free_fragment_in_the_canal_belongs_to_its_level_and_a_speck_elsewhere_to_none() -> None:
    structures = sampled().sagittal()
    world = structures.to_world(
        np.stack(np.meshgrid(*map(np.arange, structures.shape), indexing="ij"), axis=-1)
    )
    data = structures.data.copy()
    in_canal = np.linalg.norm(world - [0.0, -2.5, -14.0], axis=-1) < 2.6  # behind L5, off the middle disc
    elsewhere = np.linalg.norm(world - [22.0, -16.0, -14.0], axis=-1) < 3.0
    free = (data == 0) | (data == Structure.THECAL_SAC)
    data[in_canal & free] = Structure.DISC
    data[elsewhere & free] = Structure.DISC
    anatomy = name_levels(structures.with_data(data), None, source="test")
    assert len(anatomy.levels) == 3
    assert (anatomy.disc(Level("L4", "L5")) & in_canal).sum() == (in_canal & free).sum()
    assert not anatomy.structure(Structure.DISC)[elsewhere & free].any()


def test_a_false_disc_below_the_sacrum_is_left_out() -> None:
    structures = sampled(offset=(0.0, 0.0, -10.0)).sagittal()
    data = structures.data.copy()
    sacral = np.argwhere(data == Structure.SACRUM)
    low = sacral[:, 1].max()
    data[8:40, low - 12 : low, 40:100] = Structure.DISC
    assert names(structures.with_data(data)) == ["L3/L4", "L4/L5", "L5/S1"]


@pytest.mark.parametrize("shape", [{"slip": 12.0}, {"angles": (0.0, 24.0, 0.0)}])
def test_a_slipped_or_tilted_level_keeps_every_voxel_of_its_disc(shape: dict[str, Any]) -> None:
    structures = sampled(spacing=(2.0, 0.8, 0.8), **shape).sagittal()
    anatomy = name_levels(structures, None, source="test")
    assert [str(level) for level in anatomy.levels] == ["L3/L4", "L4/L5", "L5/S1"]
    np.testing.assert_array_equal(anatomy.structure(Structure.DISC), structures.data == Structure.DISC)


def test_a_torn_disc_is_one_level_and_a_piece_at_its_side_belongs_to_it() -> None:
    structures = sampled(spacing=(2.0, 0.8, 0.8)).sagittal()
    world = structures.to_world(np.moveaxis(np.indices(structures.shape), 0, -1))
    middle = (structures.data == Structure.DISC) & (np.abs(world[..., 2]) < 6.0)
    halves = middle & (np.abs(world[..., 1] - 17.0) < 2.0)  # front and back half, 19 mm from each other
    side = middle & (np.abs(world[..., 0] - 18.0) < 1.5)  # and a slip of it to the right
    data = np.where(halves | side, 0, structures.data).astype(np.uint8)
    anatomy = name_levels(structures.with_data(data), None, source="test")
    assert [str(level) for level in anatomy.levels] == ["L3/L4", "L4/L5", "L5/S1"]
    np.testing.assert_array_equal(anatomy.disc(Level("L4", "L5")), middle & (data == Structure.DISC))


def stretched_without_sacrum() -> Volume:
    """Seven discs over each other, distances growing by 6 % a level downwards, and no sacrum below."""
    spine = sampled(spacing=(3.0, 0.9, 0.9)).sagittal()
    discs = np.flatnonzero((spine.data == Structure.DISC).any(axis=(0, 2)))
    period = int(discs[-1] - discs[0])
    first = int(discs[0]) - 6
    column = np.tile(
        np.where(spine.data == Structure.SACRUM, 0, spine.data)[:, first : first + period], (1, 4, 1)
    )
    places = np.cumsum(np.exp(0.06 * np.arange(column.shape[1]) / (period / 2)))
    return Volume(column[:, np.searchsorted(places, np.arange(places[0], places[-1]))], spine.affine)


def test_a_column_that_tapers_downwards_stands_on_its_head() -> None:
    upright = stretched_without_sacrum()
    assert len(names(upright)) >= 7
    reversed_ = upright.with_data(upright.data[:, ::-1])
    with pytest.raises(InputError, match=r"head and foot reversed.*--lowest-disc"):
        names(reversed_)
    assert names(reversed_, "L5/S1")[-1] == "L5/S1"


def test_no_spine() -> None:
    empty = Volume(np.zeros((20, 60, 60), np.uint8), np.diag([-4.0, -1, -1, 1]))
    with pytest.raises(NotMeasurableError, match="no row of lumbar discs"):
        name_levels(empty, None, source="test")


@pytest.mark.parametrize(("axis", "words"), [(1, "head and foot"), (2, "front and back")])
def test_anatomy_that_contradicts_the_affine_is_refused(axis: int, words: str) -> None:
    structures = sampled().sagittal()
    with pytest.raises(InputError, match=words):
        name_levels(structures.with_data(np.flip(structures.data, axis)), None, source="test")


def test_hardly_any_sac_is_a_warning() -> None:
    structures = sampled().sagittal()
    assert name_levels(structures, None, source="test").warnings == ()
    sac = np.argwhere(structures.data == Structure.THECAL_SAC)
    data = structures.data.copy()
    data[tuple(sac[len(sac) // 20 :].T)] = 0
    (warning,) = name_levels(structures.with_data(data), None, source="test").warnings
    assert "thecal sac" in warning


def test_a_speck_of_false_sacrum_is_no_anchor() -> None:
    structures = sampled().sagittal()
    data = np.where(structures.data == Structure.SACRUM, 0, structures.data).astype(np.uint8)
    data[20:30, 20:40, 20:40] = Structure.SACRUM  # high above the lowest disc
    anatomy = name_levels(structures.with_data(data), None, source="test")
    assert len(anatomy.levels) == 3
    assert any("sacrum" in doubt for doubt in anatomy.naming.doubts)


def test_a_bump_stays_part_of_its_disc() -> None:
    plain = name_levels(sampled().sagittal(), None, source="test")
    bump = Bump()
    with_bump = name_levels(sampled(bump).sagittal(), None, source="test")
    level = Level("L4", "L5")
    gained = int(with_bump.disc(level).sum()) - int(plain.disc(level).sum())
    assert gained * plain.labels.voxel_volume_mm3 == pytest.approx(bump.volume_mm3, rel=0.1)


@pytest.mark.parametrize("collection", ["chu-t2tse", "zukic-mixed"])
def test_expert_bodies_keep_their_names(data_folder: Path, collection: str) -> None:
    """The experts' vertebral bodies, with discs put between them, are named as the experts named them."""
    for path in sorted((data_folder / collection).glob("*_dseg.nii.gz"))[:4]:
        image = nib.load(path)
        labels = np.asarray(image.dataobj)
        lowest_lumbar = 1 if collection == "chu-t2tse" else 2
        structures = np.zeros(labels.shape, np.uint8)
        structures[labels >= lowest_lumbar] = Structure.VERTEBRAL_BODY
        structures[(labels > 0) & (labels < lowest_lumbar)] = Structure.SACRUM
        present = sorted(set(np.unique(labels)) - {0})
        for below, above in pairwise(present):
            middle = (
                np.argwhere(labels == below).mean(axis=0) + np.argwhere(labels == above).mean(axis=0)
            ) / 2
            grid = np.stack(np.meshgrid(*map(np.arange, labels.shape), indexing="ij"), axis=-1) - middle
            disc = (np.abs(grid[..., 0]) < 15) & (np.abs(grid[..., 1]) < 12) & (np.abs(grid[..., 2]) < 4)
            structures[disc & (labels == 0)] = Structure.DISC
        lowest = Level("L4", "L5") if collection == "chu-t2tse" else None
        volume = Volume(structures, image.affine).sagittal()
        anatomy = name_levels(volume, None, source="test", lowest_disc=lowest)
        truth = Volume(labels, image.affine).sagittal().data
        for number in present[1:-1]:
            name = FROM_L5_UP[number - lowest_lumbar] if number >= lowest_lumbar else "S1"
            found = anatomy.labels.data[truth == number]
            expected = anatomy_index(Structure.VERTEBRAL_BODY, name)
            if number >= lowest_lumbar:
                assert np.mean(found == expected) > 0.9, f"{path.name} {name}"
