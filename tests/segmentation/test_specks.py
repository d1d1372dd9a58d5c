"""Specks of sac and disc where there can be none are taken away; a sac in two parts and fragments before it stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.anatomy import Structure
from resorb.segmentation.model import Segmentation
from resorb.segmentation.specks import without_specks
from resorb.study import FloatArray, Volume
from tests.spine import sampled


def _found(structures: Volume) -> Segmentation:
    return Segmentation(structures, np.full(structures.shape, 200, np.uint8), "drawn")


def _spine(slice_mm: float = 1.0) -> tuple[Volume, FloatArray]:
    """The spine of closed forms, its sac's middle 12 mm behind the discs, and where its voxels lie (RAS+ mm)."""
    structures = sampled(spacing=(slice_mm, 0.6, 0.6)).sagittal()
    return structures, structures.to_world(np.moveaxis(np.indices(structures.shape), 0, -1))


def _ball(world: FloatArray, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    return np.asarray(np.linalg.norm(world - centre, axis=-1) < radius)


def test_marrow_in_a_ring_of_cortex_is_neither_sac_nor_disc_that_lies_against_it() -> None:
    structures, world = _spine()
    data = structures.data.copy()
    sac = _ball(world, (22.0, -14.0, -14.0), 3.0)
    disc = _ball(world, (22.0, -14.0, -14.0), 5.0) & ~sac
    data[sac], data[disc] = Structure.THECAL_SAC, Structure.DISC
    after = without_specks(_found(structures.with_data(data))).structures.data
    assert not after[sac | disc].any()
    np.testing.assert_array_equal(after[~sac & ~disc], data[~sac & ~disc])


def test_a_sac_that_is_shut_at_one_level_is_kept_above_and_below() -> None:
    structures, world = _spine()
    shut = (structures.data == Structure.THECAL_SAC) & (np.abs(world[..., 2]) < 6.0)
    data = np.where(shut, 0, structures.data).astype(np.uint8)
    np.testing.assert_array_equal(without_specks(_found(structures.with_data(data))).structures.data, data)


@pytest.mark.parametrize(("behind_mm", "kept"), [(2.5, True), (8.0, True), (16.0, False), (21.0, False)])
@given(slice_mm=st.floats(0.9, 4.5), left=st.floats(-9.0, 9.0))
def test_a_piece_of_disc_lies_before_the_middle_of_the_sac(
    behind_mm: float, kept: bool, slice_mm: float, left: float
) -> None:
    structures, world = _spine(slice_mm)
    data = structures.data.copy()
    # Off the middle disc by 14 mm, at least one slice wide.
    piece = _ball(world / (max(1.0, slice_mm / 2.6), 1.0, 1.0), (0.0, -behind_mm, -14.0), 2.6)
    piece = np.roll(piece, round(left / slice_mm), axis=0)
    data[piece] = Structure.DISC
    after = without_specks(_found(structures.with_data(data))).structures.data
    assert (after[piece] == (Structure.DISC if kept else Structure.BACKGROUND)).all()
    np.testing.assert_array_equal(after[~piece], data[~piece])


def test_without_a_sac_nothing_changes() -> None:
    structures, _ = _spine()
    data = np.where(structures.data == Structure.THECAL_SAC, 0, structures.data).astype(np.uint8)
    np.testing.assert_array_equal(without_specks(_found(structures.with_data(data))).structures.data, data)
