"""Posterior margins of discs that are boxes: how far they were moved is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.margins import MISSED_MM, Surroundings, margins, posterior_axis

SPACING = np.array([2.0, 0.5, 0.5])
SHAPE = (12, 120, 160)
ROWS, BACK = slice(40, 70), 100  # a disc 15 mm high, whose back is at column 100


def disc(back: int = BACK, slices: slice = slice(2, 10)) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[slices, ROWS, 30:back] = True
    return mask


def around(slices: slice = slice(4, 8), bone: np.ndarray | None = None) -> Surroundings:
    canal = np.zeros(SHAPE, bool)
    canal[slices, :, 108:138] = True
    return Surroundings(canal, np.zeros(SHAPE, bool) if bone is None else bone, SPACING)


@pytest.mark.parametrize("moved", [-6, -2, 0, 3, 6])
def test_a_margin_is_as_far_off_as_it_was_moved(moved: int) -> None:
    found = margins({"L4/L5": disc()}, disc(BACK + moved), around())["L4/L5"]
    assert found.slices == 4
    assert found.missed == 0
    assert np.percentile(found.distances_mm, [50, 95]) == pytest.approx(abs(moved) * 0.5, abs=0.01)
    # Thirty pixels a border, its corners rounded off, four slices, both borders.
    assert 4 * 2 * 24 <= len(found.distances_mm) <= 4 * 2 * 32


def test_front_and_endplates_do_not_count() -> None:
    other = np.roll(disc(), -8, axis=2) | disc()
    other[:, 35:75, 30:90] = True
    bone = np.zeros(SHAPE, bool)
    bone[:, :, 30:BACK] = True
    bone &= ~disc()
    found = margins({"L4/L5": disc()}, other, around(bone=bone))["L4/L5"]
    assert np.percentile(found.distances_mm, 99) == pytest.approx(0.0)


def test_half_of_a_margin_moved_is_half_of_the_distances() -> None:
    model = disc()
    model[:, 55:70, BACK : BACK + 4] = True
    found = margins({"L4/L5": disc()}, model, around())["L4/L5"]
    assert np.mean(found.distances_mm > 1.0) == pytest.approx(0.5, abs=0.12)
    assert found.distances_mm.max() == pytest.approx(2.0, abs=0.01)


def test_only_slices_with_canal_behind_count_and_bone_hides_it() -> None:
    assert margins({"L4/L5": disc()}, disc(), around(slice(5, 6)))["L4/L5"].slices == 1
    bone = np.zeros(SHAPE, bool)
    bone[:, :55, 103:107] = True
    seen = margins({"L4/L5": disc()}, disc(BACK + 2), around())["L4/L5"]
    hidden = margins({"L4/L5": disc()}, disc(BACK + 2), around(bone=bone))["L4/L5"]
    assert len(hidden.distances_mm) == pytest.approx(0.5 * len(seen.distances_mm), rel=0.15)


def test_a_disc_the_model_lacks_counts_in_full() -> None:
    model = disc()
    model[5:] = False
    found = margins({"L4/L5": disc()}, model, around())["L4/L5"]
    assert (found.slices, found.missed) == (4, 3)
    assert np.mean(found.distances_mm == MISSED_MM) == pytest.approx(3 / 5, abs=0.05)


def test_without_a_canal_the_middle_of_the_disc_counts() -> None:
    bare = Surroundings(None, np.zeros(SHAPE, bool), SPACING)
    found = margins({"L4/L5": disc(slices=slice(0, 12))}, disc(BACK + 3, slice(0, 12)), bare)["L4/L5"]
    assert found.slices == 10  # 2 mm apart, up to 9 mm from the middle, which lies between slices 5 and 6
    assert np.percentile(found.distances_mm, [50, 95]) == pytest.approx(1.5, abs=0.01)


def test_each_disc_has_its_own_margin_whatever_the_model_calls_it() -> None:
    upper, lower = disc(), np.roll(disc(), 45, axis=1)
    model = disc(BACK + 2) | np.roll(disc(BACK - 4), 45, axis=1)
    found = margins({"L4/L5": upper, "L5/S1": lower}, model, around())
    assert np.median(found["L4/L5"].distances_mm) == pytest.approx(1.0, abs=0.01)
    assert np.median(found["L5/S1"].distances_mm) == pytest.approx(2.0, abs=0.01)


def test_an_oblique_disc_is_measured_along_its_own_axis() -> None:
    def turned(mask: np.ndarray) -> np.ndarray:
        smooth = ndimage.rotate(mask.astype(np.float32), 30.0, axes=(1, 2), reshape=False, order=1)
        return np.asarray(smooth > 0.5)

    axis = posterior_axis(turned(disc()), SPACING)
    assert np.degrees(np.arctan2(-axis[0], axis[1])) == pytest.approx(30.0, abs=1.5)
    canal = around().canal
    assert canal is not None
    oblique = Surroundings(turned(canal), np.zeros(SHAPE, bool), SPACING)
    found = margins({"L5/S1": turned(disc())}, turned(disc(BACK + 6)), oblique)["L5/S1"]
    assert np.median(found.distances_mm) == pytest.approx(3.0, abs=0.25)
