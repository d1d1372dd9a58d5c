"""Label maps of other tools: the numbers, the grids, the refusals."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from resorb.anatomy import VERTEBRAE, Structure, anatomy_index
from resorb.errors import InputError, UsageError
from resorb.segmentation.labelmaps import SCHEMES, read_label_map, schemes
from resorb.study import Volume

AFFINE = np.array([[-4.0, 0, 0, 30], [0, -0.7, 0, 40], [0, 0, -0.8, 50], [0, 0, 0, 1]])
DATA = Path(os.environ.get("RESORB_DATA", Path(__file__).parents[2].parent / "shared/data"))

# label: (structure, vertebra), written down from the tools' documentation, independently of schemes.toml.
BODY, POST, SACRUM, DISC, SAC = (Structure(n) for n in range(1, 6))
EXPECTED = [
    ("spider", {1: (BODY, ""), 2: (DISC, ""), 3: (SAC, "")}, True),
    (
        "spider",
        {
            1: (BODY, "L5"),
            2: (BODY, "L4"),
            6: (BODY, "T12"),
            107: (BODY, "T11"),
            100: (SAC, ""),
            201: (DISC, "L5"),
        }
        | {205: (DISC, "L1"), 206: (DISC, "T12")},
        True,
    ),
    (
        "spineps",
        {41: (POST, ""), 42: (POST, ""), 48: (POST, ""), 49: (BODY, ""), 62: (BODY, ""), 60: (SAC, "")}
        | {61: (SAC, ""), 100: (DISC, ""), 26: (SACRUM, "")},
        False,
    ),
    (
        "spineps",
        {19: (BODY, "T12"), 28: (BODY, "T13"), 20: (BODY, "L1"), 24: (BODY, "L5"), 25: (BODY, "L6")}
        | {26: (SACRUM, "S1"), 124: (DISC, "L5"), 119: (DISC, "T12"), 224: (BODY, "L5")},
        True,
    ),
    (
        "totalspineseg",
        {
            1: (SAC, ""),
            2: (SAC, ""),
            31: (BODY, "T11"),
            41: (BODY, "L1"),
            45: (BODY, "L5"),
            50: (SACRUM, "S1"),
        }
        | {82: (DISC, "T11"), 91: (DISC, "T12"), 95: (DISC, "L4"), 100: (DISC, "L5")},
        True,
    ),
    (
        "totalspineseg",
        {18: (BODY, "L5"), 22: (BODY, "L1"), 92: (SACRUM, "S1"), 201: (SAC, ""), 202: (DISC, "L5")}
        | {207: (DISC, "T12")},
        True,
    ),
    ("totalsegmentator", {18: (SACRUM, ""), 19: (BODY, ""), 20: (DISC, ""), 21: (SAC, "")}, True),
    ("totalsegmentator", {1: (SACRUM, "S1"), 2: (BODY, "L5"), 6: (BODY, "L1"), 8: (BODY, "T11")}, True),
    (
        "resorb",
        {
            anatomy_index(BODY, "L4"): (BODY, "L4"),
            anatomy_index(DISC, "T12"): (DISC, "T12"),
            anatomy_index(SACRUM, "S1"): (SACRUM, "S1"),
            anatomy_index(SAC): (SAC, ""),
        },
        False,
    ),
]


def save(
    folder: Path, data: NDArray[np.generic], affine: NDArray[np.float64] = AFFINE, name: str = "m.nii.gz"
) -> Path:
    nib.save(nib.Nifti1Image(data, affine), folder / name)
    return folder / name


def spread(labels: list[int], dtype: str = "int16") -> Volume:
    """Each label in blocks of 2 x 2 x 2 along a line, with background around."""
    data = np.zeros((4, 4, 2 * len(labels) + 2), dtype)
    for n, label in enumerate(labels):
        data[1:3, 1:3, 1 + 2 * n : 3 + 2 * n] = label
    return Volume(data, AFFINE)


@pytest.mark.parametrize(("scheme", "expected", "whole"), EXPECTED)
def test_every_scheme_gives_structure_and_vertebra(
    tmp_path: Path, scheme: str, expected: dict[int, tuple[Structure, str]], whole: bool
) -> None:
    mask = spread(list(expected))
    result = read_label_map(save(tmp_path, mask.data), scheme, mask)
    assert result.whole_vertebrae is whole
    assert result.structures.dtype == np.uint8
    named = any(vertebra for _, vertebra in expected.values())
    assert (result.vertebra_of is not None) == named
    for label, (structure, vertebra) in expected.items():
        at = mask.data == label
        assert set(np.unique(result.structures[at])) == {structure}
        if result.vertebra_of is not None:
            ordinal = VERTEBRAE.index(vertebra) + 1 if vertebra else 0
            assert set(np.unique(result.vertebra_of[at])) == {ordinal}
    assert not result.structures[mask.data == 0].any()


def test_what_a_scheme_lacks_and_what_was_left_out_is_said(tmp_path: Path) -> None:
    mask = spread([1, 2, 6, 23])
    result = read_label_map(save(tmp_path, mask.data), "totalsegmentator", mask)
    assert any("no discs" in note for note in result.notes)
    assert any("23" in note for note in result.notes)
    assert "vertebrae_mr" in result.source


def reordered(volume: Volume, axes: list[int], flips: tuple[bool, bool, bool]) -> Volume:
    """The same voxels in the same places of the world, stored in another order."""
    flipped = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    index_of = np.eye(4)
    for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        index_of[:3, new] = 0
        index_of[old, new] = -1 if flip else 1
        index_of[old, 3] = volume.shape[old] - 1 if flip else 0
    return Volume(np.ascontiguousarray(volume.data.transpose(axes)[flipped]), volume.affine @ index_of)


AXES = st.permutations([0, 1, 2])
FLIPS = st.tuples(st.booleans(), st.booleans(), st.booleans())


@settings(max_examples=30, deadline=None)
@given(axes=AXES, flips=FLIPS, seed=st.integers(0, 99))
def test_storage_order_of_the_mask_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, axes: list[int], flips: tuple[bool, bool, bool], seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 4, (3, 5, 6)).astype(np.uint8)
    grid = Volume(labels, AFFINE)
    stored = reordered(grid, axes, flips)
    path = save(tmp_path_factory.mktemp("m"), stored.data, stored.affine)
    result = read_label_map(path, "spider", grid)
    np.testing.assert_array_equal(result.structures, np.array([0, BODY, DISC, SAC])[labels])


@settings(max_examples=30, deadline=None)
@given(axes=AXES, flips=FLIPS, factor=st.sampled_from([2, 3]))
def test_a_finer_mask_lands_where_it_lies_in_the_world(
    tmp_path_factory: pytest.TempPathFactory, axes: list[int], flips: tuple[bool, bool, bool], factor: int
) -> None:
    labels = np.random.default_rng(7).integers(0, 4, (3, 5, 6)).astype(np.uint8)
    grid = Volume(labels, AFFINE)
    fine = labels
    for axis in range(3):
        fine = np.repeat(fine, factor, axis)
    affine = AFFINE.copy()
    affine[:3, :3] /= factor
    affine[:3, 3] -= AFFINE[:3, :3] @ np.full(3, (factor - 1) / (2 * factor))
    stored = reordered(Volume(fine, affine), axes, flips)
    path = save(tmp_path_factory.mktemp("m"), stored.data, stored.affine)
    result = read_label_map(path, "spider", grid)
    np.testing.assert_array_equal(result.structures, np.array([0, BODY, DISC, SAC])[labels])


def test_a_mask_that_covers_part_of_the_series(tmp_path: Path) -> None:
    full = spread([1, 2, 3])
    affine = AFFINE.copy()
    affine[:3, 3] += AFFINE[:3, :3] @ [1, 1, 1]
    result = read_label_map(save(tmp_path, full.data[1:3, 1:3, 1:7], affine), "spider", full)
    np.testing.assert_array_equal(result.structures, np.array([0, BODY, DISC, SAC])[full.data])

    part = Volume(full.data[:, :, :3], AFFINE)
    notes = read_label_map(save(tmp_path, full.data), "spider", part).notes
    assert any("33%" in note for note in notes)


@pytest.mark.parametrize("name", ["m.mha", "m.nrrd"])
def test_itk_files_are_turned_from_lps_to_ras(tmp_path: Path, name: str) -> None:
    mask = spread([1, 2, 100, 201])
    path = tmp_path / name
    # The same grid as AFFINE, said in LPS.
    image = sitk.GetImageFromArray(mask.data.transpose(2, 1, 0))
    image.SetSpacing((4.0, 0.7, 0.8))
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
    image.SetOrigin((-30, -40, 50))
    sitk.WriteImage(image, str(path))
    result = read_label_map(path, "spider", mask)
    np.testing.assert_array_equal(result.structures == SAC, mask.data == 100)
    assert result.structures[1, 1, 1] == BODY


def test_whole_numbers_stored_as_floats_are_labels(tmp_path: Path) -> None:
    mask = spread([1, 2, 3], "float32")
    assert (read_label_map(save(tmp_path, mask.data), "spider", mask).structures > 0).sum() == 24


def test_unknown_scheme_names_the_known_ones(tmp_path: Path) -> None:
    mask = spread([1])
    with pytest.raises(UsageError, match="resorb, spider, spineps, totalspineseg, totalsegmentator"):
        read_label_map(save(tmp_path, mask.data), "nnunet", mask)


def refusals() -> dict[str, tuple[NDArray[np.generic], str]]:
    ok = spread([1, 2, 3]).data
    nan = ok.astype(np.float32)
    nan[0, 0, 0] = np.nan
    return {
        "halves": (ok * np.float32(0.5), "whole numbers"),
        "nan": (nan, "whole numbers"),
        "negative": ((ok - 1).astype(np.int16), "outside 0-"),
        "huge": ((ok * 9000).astype(np.int32), "outside 0-"),
        "unknown": (
            (ok + 50 * (ok > 0)).astype(np.int16),
            "none of its labels .51, 52, 53. is one of scheme 'spider'",
        ),
        "empty": ((ok * 0).astype(np.int16), "none but 0"),
        "image": (np.arange(400, dtype=np.int16).reshape(4, 10, 10), "an image, not a label map"),
        "flat": (ok[0], "not a volume"),
    }


@pytest.mark.parametrize("case", refusals())
def test_what_is_not_a_label_map_is_refused(tmp_path: Path, case: str) -> None:
    data, message = refusals()[case]
    with pytest.raises(InputError, match=message):
        read_label_map(save(tmp_path, data), "spider", spread([1, 2, 3]))


def test_a_mask_elsewhere_in_the_world_is_refused(tmp_path: Path) -> None:
    mask = spread([1, 2, 3])
    affine = AFFINE.copy()
    affine[:3, 3] += 500
    with pytest.raises(InputError, match="outside the series"):
        read_label_map(save(tmp_path, mask.data, affine), "spider", mask)


@pytest.mark.parametrize("name", ["text.nii.gz", "text.nii", "text.mha", "text.csv"])
def test_files_that_are_no_images_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("not an image")
    for path in (tmp_path / name, tmp_path / f"missing-{name}"):
        with pytest.raises(InputError, match=name):
            read_label_map(path, "spider", spread([1]))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 4, (20, 40, 40)).astype(np.int16)
    path = save(tmp_path, data)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(InputError, match="cut short"):
        read_label_map(path, "spider", spread([1]))


def test_no_label_has_two_meanings_in_one_coding() -> None:
    assert tuple(schemes()) == SCHEMES
    for scheme, codings in schemes().items():
        assert not (codings[-1].when_only or codings[-1].when_any or codings[-1].when_all), scheme
        for coding in codings:
            discs = [v for s, v in coding.meaning.values() if s == DISC and v]
            assert len(discs) == len(set(discs)), (scheme, coding.name)


def test_real_spider_mask() -> None:
    path = DATA / "spider-t2space" / "sub-146_dseg.nii.gz"
    if not path.exists():
        pytest.skip(f"no SPIDER data in {DATA} (RESORB_DATA names the folder)")
    image = nib.load(path)
    labels = np.asarray(image.dataobj)
    scan = nib.load(path.with_name("sub-146_T2w.nii.gz"))
    result = read_label_map(path, "spider", Volume(np.zeros(scan.shape, np.uint8), scan.affine))
    assert result.whole_vertebrae
    assert result.vertebra_of is None
    assert "semantic" in result.source
    for label, structure in zip((1, 2, 3), (BODY, DISC, SAC), strict=True):
        np.testing.assert_array_equal(result.structures == structure, labels == label)
