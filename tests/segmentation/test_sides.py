"""The sides of bodies are taken up to where a body is likely; their middle, discs and sac stay as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from resorb import Volume
from resorb.anatomy import Structure
from resorb.segmentation.model import Segmentation
from resorb.segmentation.sides import BESIDE_MM, with_whole_sides
from resorb.study import FloatArray

WIDTH_MM, HEIGHT_MM, DEPTH_MM = 60.0, 80.0, 50.0
BEHIND_MM = 30.0  # the sac


def _study(slice_mm: float, leaning: float = 0.0, own: Structure = Structure.BACKGROUND) -> Segmentation:
    """A sac whose middle leans to one side, before it a body, and beside that `own`, where a body is likely too."""
    shape = (int(WIDTH_MM / slice_mm), int(HEIGHT_MM), int(DEPTH_MM))
    i, j, k = np.indices(shape)
    left = (i + 0.5) * slice_mm - WIDTH_MM / 2 - leaning * (j + 0.5 - HEIGHT_MM / 2)
    data = np.where(k < BEHIND_MM, own, Structure.BACKGROUND).astype(np.uint8)
    data[(k < BEHIND_MM) & (np.abs(left) < BESIDE_MM + slice_mm)] = Structure.VERTEBRAL_BODY
    data[(k >= BEHIND_MM) & (np.abs(left) < 7)] = Structure.THECAL_SAC
    grid = Volume(data, np.diag([slice_mm, 1.0, 1.0, 1.0]))
    return Segmentation(grid, np.full(shape, 200, np.uint8), "drawn", None, k < BEHIND_MM)


def _aside(study: Segmentation, leaning: float) -> FloatArray:
    i, j, _ = np.indices(study.structures.shape)
    slice_mm = float(study.structures.spacing_mm[0])
    return np.asarray(np.abs((i + 0.5) * slice_mm - WIDTH_MM / 2 - leaning * (j + 0.5 - HEIGHT_MM / 2)))


@given(slice_mm=st.floats(0.8, 5.0), leaning=st.floats(-0.1, 0.1))
def test_a_body_is_taken_where_it_is_likely_beside_the_canal(slice_mm: float, leaning: float) -> None:
    before = _study(slice_mm, leaning)
    after = with_whole_sides(before)
    added = after.structures.data != before.structures.data
    assert (after.structures.data[added] == Structure.VERTEBRAL_BODY).all()
    assert set(after.probability[added].tolist()) == {55}  # what the likelier structure left
    aside, slack = _aside(before, leaning), 0.6 * slice_mm
    likely = before.likely_body
    assert likely is not None
    body = before.structures.data == Structure.VERTEBRAL_BODY
    assert added[likely & ~body & (aside > BESIDE_MM + slack)].all()
    assert not added[~likely | body | (aside < BESIDE_MM - slack)].any()


def test_which_slices_lie_beside_does_not_hang_on_how_a_file_rounds_their_distance() -> None:
    """Slices of 4 mm, two of which lie just at the border, beside a body that reaches up to them."""
    told = _study(4.0)
    assert told.likely_body is not None
    found = []
    for slice_mm in (4.0 - 4e-7, 4.0, 4.0 + 4e-7):
        data = told.structures.data.copy()
        data[(data == Structure.VERTEBRAL_BODY) & (np.abs(np.arange(15) - 7) > 1)[:, None, None]] = 0
        grid = Volume(data, np.diag([slice_mm, 1.0, 1.0, 1.0]))
        found.append(with_whole_sides(replace(told, structures=grid)).structures.data)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], found[1])


@given(own=st.sampled_from(list(Structure)))
def test_only_background_and_posterior_elements_yield(own: Structure) -> None:
    before = _study(2.0, own=own)
    added = with_whole_sides(before).structures.data != before.structures.data
    assert added.any() == (own in {Structure.BACKGROUND, Structure.POSTERIOR_ELEMENTS})


def test_what_hangs_together_with_no_body_is_none() -> None:
    told = _study(2.0)
    assert told.likely_body is not None
    likely = told.likely_body.copy()
    likely[2:6, 20:60, 40:45] = True  # behind and beside the sac
    found = with_whole_sides(replace(told, likely_body=likely)).structures.data
    assert not found[2:6, 20:60, 40:45].any()
    assert (found[2:6, 20:60, :30] == Structure.VERTEBRAL_BODY).all()


def test_without_a_sac_or_without_word_of_what_is_likely_nothing_changes() -> None:
    told = _study(2.0)
    silent = replace(told, likely_body=None)
    assert with_whole_sides(silent) is silent
    empty = replace(told, structures=told.structures.with_data(np.zeros(told.structures.shape, np.uint8)))
    assert with_whole_sides(empty) is empty


def test_a_speck_of_sac_tells_its_place_but_not_how_the_spine_leans() -> None:
    told = _study(2.0)
    data = np.zeros(told.structures.shape, np.uint8)
    data[11:20, :, :30] = Structure.VERTEBRAL_BODY
    data[15, 40:43, 35:37] = Structure.THECAL_SAC
    data[16, 43:46, 35:37] = Structure.THECAL_SAC
    after = with_whole_sides(replace(told, structures=told.structures.with_data(data)))
    body = (after.structures.data == Structure.VERTEBRAL_BODY).any(axis=2)
    np.testing.assert_array_equal(body, np.broadcast_to(body[:, :1], body.shape))
    assert body.all()
    narrow = data.copy()
    narrow[11:14] = narrow[17:20] = 0
    after = with_whole_sides(replace(told, structures=told.structures.with_data(narrow)))
    # No side touches a body this narrow.
    np.testing.assert_array_equal(after.structures.data, narrow)
