"""Displaced material is taken up to where disc is still likely; the bulge of an ordinary disc is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resorb import Volume
from resorb.anatomy import Structure
from resorb.segmentation.model import Segmentation
from resorb.segmentation.rim import with_rims

ROWS_MM, COLUMNS_MM = 80.0, 60.0
WALL_MM = 35.0  # the bodies' posterior wall
DISC_MM = (36.0, 44.0)


MATERIAL, SAC = 100, 500  # grey values; of everything else, 60


def _study(depth_mm: float, row_mm: float, column_mm: float, rim_mm: float = 1.5) -> Segmentation:
    """Two bodies, a disc that comes `depth_mm` behind them, and a likely rim around all of the disc."""
    rows = (np.arange(int(ROWS_MM / row_mm)) + 0.5) * row_mm
    columns = (np.arange(int(COLUMNS_MM / column_mm)) + 0.5) * column_mm
    r, c = np.meshgrid(rows, columns, indexing="ij")
    own = np.zeros(r.shape, np.uint8)
    own[(c > 5) & (c < WALL_MM) & (r > 5) & (r < 75)] = Structure.VERTEBRAL_BODY
    own[(c > WALL_MM + 8) & (c < 55)] = Structure.THECAL_SAC
    inner = (c > 5) & (c < WALL_MM + depth_mm) & (r > DISC_MM[0]) & (r < DISC_MM[1])
    own[inner] = Structure.DISC
    outer = (c > 5 - rim_mm) & (c < WALL_MM + depth_mm + rim_mm)
    outer &= (r > DISC_MM[0] - rim_mm) & (r < DISC_MM[1] + rim_mm)
    image = Volume(np.stack([own] * 3), np.diag([4.0, row_mm, column_mm, 1.0]))
    probability = np.full(image.shape, 200, np.uint8)
    return Segmentation(image, probability, "drawn", np.stack([outer] * 3))


def _picture(found: Segmentation, grey: int = 60) -> Volume:
    """What it was found in; `grey` where there is neither disc nor sac, or disc is likely."""
    assert found.likely_disc is not None
    own = found.structures.data
    picture = np.full(own.shape, grey, np.int16)
    picture[(own == Structure.THECAL_SAC) & ~found.likely_disc] = SAC
    picture[own == Structure.DISC] = MATERIAL
    return found.structures.with_data(picture)


def _rim(row_mm: float, column_mm: float) -> NDArray[np.bool_]:
    """(rows, columns) the pixels within 3 mm of disc deeper than 3 mm, 1.5 mm or less around it, behind the wall."""
    rows = (np.arange(int(ROWS_MM / row_mm)) + 0.5) * row_mm
    columns = (np.arange(int(COLUMNS_MM / column_mm)) + 0.5) * column_mm
    r, c = np.meshgrid(rows, columns, indexing="ij")
    deep, beside = WALL_MM + 5.0, np.abs(r - sum(DISC_MM) / 2) - (DISC_MM[1] - DISC_MM[0]) / 2
    wall = columns[columns < WALL_MM].max()  # the last pixel of the bodies
    inner = (c > 5) & (c < deep) & (beside < 0)
    core = np.argwhere(inner & (c - wall > 3.0 + 1e-3)) * (row_mm, column_mm)
    near = np.zeros(r.shape, bool)
    for index in np.argwhere((c > wall + 1e-3) & (c < deep + 1.5) & (beside < 1.5) & ~inner):
        away = np.linalg.norm(core - index * (row_mm, column_mm), axis=1).min(initial=np.inf)
        near[tuple(index)] = away <= 3.0 + 1e-3
    return near


@given(row_mm=st.floats(0.25, 0.9), column_mm=st.floats(0.25, 0.9))
def test_the_rim_of_displaced_material_is_disc(row_mm: float, column_mm: float) -> None:
    before = _study(5.0, row_mm, column_mm)
    after = with_rims(before, _picture(before))
    added = (after.structures.data == Structure.DISC) & (before.structures.data != Structure.DISC)
    np.testing.assert_array_equal(added[1], _rim(row_mm, column_mm))
    assert not added[:, :, : int(WALL_MM / column_mm) - 1].any()
    assert set(after.probability[added].tolist()) == {55}  # what the likelier structure left
    assert (after.structures.data[~added] == before.structures.data[~added]).all()


def test_the_rim_reaches_3_mm_and_no_farther() -> None:
    """Of a likely rim of 6 mm all round, what lies within 3 mm of the disc that is 3 to 5 mm behind the wall."""
    before = _study(5.0, 0.25, 0.25, rim_mm=6.0)
    added = with_rims(before, _picture(before)).structures.data[1] != before.structures.data[1]
    rows, columns = (np.argwhere(added) + 0.5).T * 0.25
    assert columns.max() == pytest.approx(WALL_MM + 5.0 + 3.0, abs=0.3)
    assert rows.min() == pytest.approx(DISC_MM[0] - 3.0, abs=0.3)
    assert rows.max() == pytest.approx(DISC_MM[1] + 3.0, abs=0.3)


def test_the_bulge_of_an_ordinary_disc_stays_as_it_is() -> None:
    before = _study(2.5, 0.5, 0.5)
    np.testing.assert_array_equal(with_rims(before, _picture(before)).structures.data, before.structures.data)


def test_what_is_likely_far_from_displaced_material_stays_as_it_is() -> None:
    before = _study(5.0, 0.5, 0.5)
    assert before.likely_disc is not None
    before.likely_disc[:, :40, 80:] = True  # 16 mm above the disc
    added = with_rims(before, _picture(before)).structures.data != before.structures.data
    assert added.any()
    assert not added[:, :60].any()


def test_a_segmenter_that_does_not_tell_what_is_likely_is_left_alone() -> None:
    told = _study(5.0, 0.5, 0.5)
    silent = Segmentation(told.structures, told.probability, told.source)
    assert with_rims(silent, _picture(told)) is silent


@pytest.mark.parametrize(("grey", "is_rim"), [(60, True), (220, True), (245, False), (500, False)])
def test_a_rim_is_dark(grey: int, is_rim: bool) -> None:
    """A third of the way from the material's 100 to the sac's 500 is 232."""
    before = _study(5.0, 0.5, 0.5)
    added = with_rims(before, _picture(before, grey)).structures.data != before.structures.data
    assert added.any() == is_rim


def test_each_piece_of_material_has_its_own_limit() -> None:
    """Beside one that is bright, a rim may be brighter than beside one that is dark."""
    before = _study(5.0, 0.5, 0.5)
    bright = before.structures.data.copy()
    picture = _picture(before, 250).data.copy()
    assert before.likely_disc is not None
    for array in (bright, picture, before.likely_disc):  # the same again 20 mm above
        array[:, 20:60] = array[:, 60:100].copy()
    picture[:, :60][bright[:, :60] == Structure.DISC] = 200
    two = Segmentation(before.structures.with_data(bright), before.probability, "drawn", before.likely_disc)
    added = with_rims(two, before.structures.with_data(picture)).structures.data != bright
    assert added[:, :60].any()
    assert not added[:, 60:].any()


def test_a_speck_as_bright_as_the_sac_lifts_no_limit() -> None:
    """One pixel of false disc at a corner of the material, bright as the sac."""
    before = _study(5.0, 0.5, 0.5)
    own = before.structures.data.copy()
    bottom, end = (np.argwhere(own[1] == Structure.DISC).max(axis=0) + 1).tolist()
    picture = _picture(before, 480).data.copy()
    own[:, bottom, end], picture[:, bottom, end] = Structure.DISC, SAC
    two = Segmentation(before.structures.with_data(own), before.probability, "drawn", before.likely_disc)
    after = with_rims(two, before.structures.with_data(picture))
    np.testing.assert_array_equal(after.structures.data, own)


@pytest.mark.parametrize("sac", [50, None])
def test_without_a_sac_or_with_a_dark_one_a_rim_may_be_bright(sac: int | None) -> None:
    before = _study(5.0, 0.5, 0.5)
    picture, own = _picture(before, 400).data, before.structures.data
    if sac is None:
        own = np.where(own == Structure.THECAL_SAC, 0, own)
    else:
        picture = np.where(picture == SAC, sac, picture)
    one = Segmentation(before.structures.with_data(own), before.probability, "drawn", before.likely_disc)
    assert (with_rims(one, before.structures.with_data(picture)).structures.data != own).any()
