"""The plain synthetic study: its truth, its geometry, its looks, its files."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.errors import OutputError, UsageError
from resorb.simulation.plain import PlainStudy, plain_study, write

LEVELS = ["T11/T12", "T12/L1", "L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"]


@pytest.fixture(scope="module")
def coarse() -> PlainStudy:
    return plain_study(in_plane_mm=1.0)


@pytest.fixture(scope="module")
def fine() -> PlainStudy:
    return plain_study(slice_mm=1.5, in_plane_mm=0.9)


def world(study: PlainStudy, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return study.image.to_world(np.argwhere(mask))


def behind_line(study: PlainStudy, level: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mm behind the reference line, seen in a sagittal plane."""
    upper, lower = (np.array(corner) for corner in study.corners[level])
    line = (upper - lower) / np.linalg.norm(upper - lower)
    normal = np.array([0.0, -line[2], line[1]])
    return np.asarray((points - lower) @ normal)


def test_focal_truth_agrees_with_its_closed_form(coarse: PlainStudy) -> None:
    truth = coarse.truth["L4/L5"]
    # A half-ellipsoid 7 mm deep, 14 mm wide, 10 mm high.
    assert truth["closed_form_volume_mm3"] == pytest.approx(2 / 3 * math.pi * 7 * 7 * 5, rel=1e-6)
    assert truth["volume_mm3"] == pytest.approx(truth["closed_form_volume_mm3"], rel=0.04)
    assert truth["depth_mm"] == pytest.approx(7, abs=0.15)
    assert truth["width_mm"] == pytest.approx(14, abs=0.4)
    assert truth["height_mm"] == pytest.approx(10, abs=0.4)
    assert truth["area_mm2"] == pytest.approx(math.pi / 2 * 7 * 5, rel=0.04)


def test_other_levels_bulge_one_mm_at_most(coarse: PlainStudy) -> None:
    assert list(coarse.truth) == LEVELS
    for level in set(LEVELS) - {"L4/L5"}:
        assert 0 <= coarse.truth[level]["depth_mm"] <= 1
    assert coarse.truth["L5/S1"]["depth_mm"] > 0.8
    assert set(coarse.truth["L1/L2"].values()) == {0.0}


def test_voxels_hold_the_true_volume_and_depth(fine: PlainStudy) -> None:
    truth, ordinal = fine.truth["L4/L5"], Level.parse("L4/L5").ordinal
    mask = fine.displaced.data == ordinal
    assert mask.sum() * fine.image.voxel_volume_mm3 == pytest.approx(truth["volume_mm3"], rel=0.05)
    points = world(fine, mask)
    assert behind_line(fine, "L4/L5", points).max() == pytest.approx(truth["depth_mm"], abs=0.9)  # one pixel
    assert np.ptp(points[:, 0]) == pytest.approx(truth["width_mm"], abs=3.0)
    section = mask.sum((1, 2)).max() * 0.9**2
    assert section == pytest.approx(truth["area_mm2"], rel=0.08)
    assert set(np.unique(fine.labels.data[mask])) == {anatomy_index(Structure.DISC, "L4")}


def test_left_is_left_and_right_mirrors_it() -> None:
    left, right = (plain_study(slice_mm=4.0, in_plane_mm=1.5, side=side) for side in ("left", "right"))
    ordinal = Level.parse("L4/L5").ordinal
    left_x, right_x = (world(s, s.displaced.data == ordinal)[:, 0] for s in (left, right))
    assert (left.side, right.side) == ("left", "right")
    assert left_x.mean() == pytest.approx(-6, abs=0.7)
    assert right_x.mean() == pytest.approx(6, abs=0.7)
    assert left.truth["L4/L5"]["apex_x_mm"] == -right.truth["L4/L5"]["apex_x_mm"] == -6
    np.testing.assert_array_equal(right.displaced.data, left.displaced.data[::-1])


def test_without_displacement_the_level_is_clean_and_the_sac_full(coarse: PlainStudy) -> None:
    healthy = plain_study(in_plane_mm=1.0, displacement=False)
    assert healthy.side is None
    assert set(healthy.truth["L4/L5"].values()) == {0.0}
    assert not (healthy.displaced.data == Level.parse("L4/L5").ordinal).any()
    sac = anatomy_index(Structure.THECAL_SAC)
    assert (healthy.labels.data == sac).sum() > (coarse.labels.data == sac).sum() + 50


def test_corners_lie_on_the_bodies(fine: PlainStudy) -> None:
    labels, middle = fine.labels.data, fine.labels.shape[0] // 2
    midline = np.zeros(labels.shape, bool)
    midline[middle] = True
    for level in LEVELS:
        for corner, name in zip(fine.corners[level], level.split("/"), strict=True):
            structure = Structure.SACRUM if name == "S1" else Structure.VERTEBRAL_BODY
            body = world(fine, midline & (labels == anatomy_index(structure, name)))
            assert np.linalg.norm(body - corner, axis=1).min() < 1.5  # the rims are rounded


def test_the_disc_ends_at_the_line_between_the_corners(fine: PlainStudy) -> None:
    for level in set(LEVELS) - {"L4/L5"}:  # in the midline of L4/L5 the displacement lies behind it
        upper, lower = (np.array(corner) for corner in fine.corners[level])
        line = upper - lower
        backwards = np.array([0.0, -line[2], line[1]]) / np.linalg.norm(line)
        disc = fine.labels.data == anatomy_index(Structure.DISC, level.split("/")[0])
        for t in (0.3, 0.5, 0.7):
            for mm, inside in ((-1.0, True), (0.8 + fine.truth[level]["depth_mm"], False)):
                index = fine.image.to_index(lower + t * line + mm * backwards).round().astype(int)
                assert disc[tuple(index)] == inside, (level, t, mm)


def test_every_structure_is_there_in_its_place(coarse: PlainStudy) -> None:
    labels = coarse.labels.data
    heights = []
    for name in ("T11", "T12", "L1", "L2", "L3", "L4", "L5"):
        body = world(coarse, labels == anatomy_index(Structure.VERTEBRAL_BODY, name))
        disc = world(coarse, labels == anatomy_index(Structure.DISC, name))
        arch = world(coarse, labels == anatomy_index(Structure.POSTERIOR_ELEMENTS, name))
        assert disc[:, 2].mean() < body[:, 2].mean()
        assert arch[:, 1].mean() < body[:, 1].mean() - 20
        heights.append(body[:, 2].mean())
    assert heights == sorted(heights, reverse=True)
    sacrum = world(coarse, labels == anatomy_index(Structure.SACRUM, "S1"))
    sac = world(coarse, labels == anatomy_index(Structure.THECAL_SAC))
    assert sacrum[:, 2].mean() < heights[-1]
    assert np.ptp(sac[:, 2]) > 200
    assert np.abs(sac[:, 0]).max() < 12


def test_it_looks_like_t2(coarse: PlainStudy) -> None:
    image, labels = coarse.image.data, coarse.labels.data
    level = {s: float(np.median(image[labels // 100 == s])) for s in Structure}
    assert level[Structure.THECAL_SAC] > 1.5 * level[Structure.VERTEBRAL_BODY]
    assert level[Structure.VERTEBRAL_BODY] > 1.8 * level[Structure.DISC]
    air = image[:, -4:, :4]
    assert 0 < air.mean() < 0.1 * level[Structure.THECAL_SAC]
    assert 0.4 < air.std() / air.mean() < 0.65  # Rayleigh: 0.52


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    studies = {
        name: plain_study(seed=seed, slice_mm=6.0, in_plane_mm=1.5)
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    }
    for name, study in studies.items():
        write(study, tmp_path / name)
    hashes = {
        name: [
            hashlib.sha256((tmp_path / name / file).read_bytes()).digest()
            for file in ("study_T2w.nii.gz", "truth.json")
        ]
        for name in studies
    }
    assert hashes["a"] == hashes["b"]
    assert hashes["a"][0] != hashes["c"][0]
    assert hashes["a"][1] == hashes["c"][1]  # the seed changes texture and noise only


def test_files_say_that_they_are_synthetic(coarse: PlainStudy, tmp_path: Path) -> None:
    write(coarse, tmp_path)
    image = nib.load(tmp_path / "study_T2w.nii.gz")
    assert image.header["descrip"].item().decode().startswith("SYNTHETIC")
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.affine, coarse.image.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(image.dataobj), coarse.image.data)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["synthetic"] is True
    assert truth["side"] == "left"
    assert truth["levels"] == coarse.truth


def test_grid_is_as_asked(fine: PlainStudy) -> None:
    np.testing.assert_allclose(fine.image.spacing_mm, (1.5, 0.9, 0.9))
    for volume in (fine.labels, fine.displaced):
        assert volume.shape == fine.image.shape
        assert volume.data.dtype == np.uint16


@pytest.mark.parametrize("sizes", [{"slice_mm": 0.1}, {"slice_mm": 20.0}, {"in_plane_mm": 5.0}])
def test_impossible_sizes_are_refused(sizes: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="needs slices"):
        plain_study(slice_mm=sizes.get("slice_mm", 4.0), in_plane_mm=sizes.get("in_plane_mm", 0.6))


def test_a_folder_that_cannot_be_made_is_named(coarse: PlainStudy, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write(coarse, tmp_path / "file")
