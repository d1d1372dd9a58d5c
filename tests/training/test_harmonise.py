from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.frame import hull, plane_of_disc, plane_under_body, spine
from training.harmonise import BACKGROUND, BODY, DISC, POSTERIOR, SAC, SACRUM, harmonise

SPACING = (2.0, 1.0, 1.0)
SHAPE = (31, 190, 120)  # 60 mm wide
BODY_ROWS = (range(10, 36), range(46, 72), range(82, 108))  # three bodies, 10 mm discs between them
MIDDLE = 15

Labels = NDArray[np.uint8]


def box(
    volume: Labels, value: int, rows: range, columns: tuple[int, int], slices: tuple[int, int] = (6, 25)
) -> None:
    volume[slices[0] : slices[1], rows.start : rows.stop, columns[0] : columns[1]] = value


@pytest.fixture
def spider() -> Labels:
    """Bodies and spinous processes 1, discs 2 (the lowest on a missing sacrum), sac 3."""
    labels = np.zeros(SHAPE, np.uint8)
    for rows in BODY_ROWS:
        box(labels, 1, rows, (30, 62))
        box(labels, 1, range(rows.start + 5, rows.stop), (84, 100), (14, 17))
        box(labels, 1, range(rows.start + 2, rows.start + 10), (50, 92), (8, 10))  # pedicle and lamina
        box(labels, 2, range(rows.stop, rows.stop + 10), (30, 62))
    box(labels, 3, range(0, 150), (64, 80), (11, 20))
    return labels


@pytest.fixture
def bodies() -> Labels:
    labels = np.zeros(SHAPE, np.uint8)
    for value, rows in zip((3, 2, 1), BODY_ROWS, strict=True):
        box(labels, value, rows, (30, 62))
    return labels


def certain(bits: Labels) -> NDArray[np.bool_]:
    return np.asarray((bits & (bits - 1)) == 0)


def test_every_voxel_admits_something(spider: Labels, bodies: Labels) -> None:
    for name, labels in (("spider-t2space", spider), ("chu-t2tse", bodies), ("myosegmentum", bodies)):
        assert (harmonise(name, labels, SPACING) > 0).all()


def test_whole_vertebra_is_split_before_and_behind_the_sac(spider: Labels) -> None:
    bits = harmonise("spider-t2space", spider, SPACING)
    assert bits[MIDDLE, 50, 40] == BODY
    assert bits[MIDDLE, 60, 90] == POSTERIOR
    assert bits[8, 50, 35] == BODY
    assert bits[8, 50, 90] == POSTERIOR
    assert bits[8, 50, 62] == BODY | POSTERIOR  # the pedicle's border is left to the sets that label it


def test_labels_of_discs_and_sac_are_certain(spider: Labels) -> None:
    bits = harmonise("spider-t2space", spider, SPACING)
    assert (bits[spider == 2] == DISC).all()
    assert (bits[spider == 3] == SAC).all()
    assert bits[MIDDLE, 60, 10] == BACKGROUND


def test_a_stray_piece_of_canal_is_not_believed(spider: Labels) -> None:
    spider[MIDDLE, 50:52, 20:22] = 3
    bits = harmonise("spider-t2space", spider, SPACING)
    assert not certain(bits[MIDDLE, 50:52, 20:22]).any()
    assert bits[MIDDLE, 60, 90] == POSTERIOR


def test_below_the_lowest_disc_lies_the_sacrum_and_never_a_disc(spider: Labels) -> None:
    bits = harmonise("spider-t2space", spider, SPACING)
    below = bits[:, 120:, :]
    assert not (below & DISC).any()
    assert bits[MIDDLE, 125, 46] == SACRUM
    assert bits[MIDDLE, 150, 50] & SACRUM and bits[MIDDLE, 150, 50] & BACKGROUND
    assert bits[MIDDLE, 150, 5] == BACKGROUND  # the pelvis, in front


def test_displaced_material_behind_a_herniated_disc_is_left_open(spider: Labels) -> None:
    strict = harmonise("spider-t2space", spider, SPACING)
    open_ = harmonise("spider-t2space", spider, SPACING, herniated=[2])
    row = BODY_ROWS[1].stop + 5
    assert strict[MIDDLE, row, 63] == BACKGROUND and strict[MIDDLE, row, 64] == SAC
    assert open_[MIDDLE, row, 63] & DISC and open_[MIDDLE, row, 64] & DISC
    assert open_[MIDDLE, row, 40] == DISC
    assert open_[MIDDLE, BODY_ROWS[0].stop + 5, 63] == BACKGROUND  # the level above is as labelled


def test_between_bodies_is_disc_and_beside_them_nothing(bodies: Labels) -> None:
    bits = harmonise("chu-t2tse", bodies, SPACING)
    gap = BODY_ROWS[0].stop + 5
    assert bits[MIDDLE, gap, 46] == DISC
    assert bits[MIDDLE, gap, 30] == BACKGROUND | DISC  # its border is not known
    assert bits[MIDDLE, 55, 5] == BACKGROUND
    assert bits[0, 55, 20] == BACKGROUND  # psoas
    assert bits[MIDDLE, 55, 66] == BACKGROUND | POSTERIOR | SAC
    assert not bits[0, 55, 66] & SAC
    assert (bits[bodies > 0] == BODY).all()


def test_bodies_beyond_the_ends_are_left_open(bodies: Labels) -> None:
    bits = harmonise("myosegmentum", bodies, SPACING)
    assert bits[MIDDLE, 2, 46] & BODY and bits[MIDDLE, 2, 46] & DISC
    assert bits[MIDDLE, 140, 40] == BACKGROUND | SACRUM
    assert bits[MIDDLE, 112, 46] & DISC


def test_a_labelled_first_sacral_body_is_sacrum(bodies: Labels) -> None:
    bits = harmonise("zukic-mixed", bodies, SPACING)  # label 1 is S1 there
    assert (bits[bodies == 1] == SACRUM).all()
    assert (bits[bodies == 2] == BODY).all()
    assert not (bits[:, 115:, :] & DISC).any()


def test_between_discs_is_a_body() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    for value, rows in zip((3, 2, 1), BODY_ROWS, strict=True):
        box(labels, value, range(rows.stop, rows.stop + 10), (30, 62))
    bits = harmonise("discs-t2", labels, SPACING)
    assert bits[MIDDLE, 58, 46] == BODY
    assert (bits[labels > 0] == DISC).all()
    assert bits[MIDDLE, 58, 28] == BACKGROUND | BODY
    assert not bits[MIDDLE, 58, 46] & DISC


def test_spine_coordinates_follow_a_leaning_spine() -> None:
    centres = np.array([[20.0, 20.0, 40.0], [20.0, 60.0, 60.0], [20.0, 100.0, 80.0]])
    frame = spine(centres, (11, 120, 120), (4.0, 1.0, 1.0))
    assert frame.behind[60, 60] == pytest.approx(0.0, abs=1e-4)
    assert frame.along[60, 60] == pytest.approx(np.hypot(40, 20), rel=1e-5)
    assert frame.behind[60, 80] == pytest.approx(20 * np.cos(np.arctan2(20, 40)), rel=1e-4)
    assert frame.behind[60, 40] < 0
    assert frame.aside[0, 60, 60] == pytest.approx(20.0)


def test_planes_point_down_and_back(bodies: Labels) -> None:
    lowest = plane_under_body(bodies == 1, SPACING)
    assert lowest.down[BODY_ROWS[2].stop - 1, 46] == pytest.approx(0.0, abs=0.1)
    assert lowest.down[120, 46] > 10 and lowest.back[100, 60] > 10
    disc = plane_of_disc(bodies == 1, (2.0, 0.3, 1.0))
    assert disc.back[90, 60] > 0 and disc.down[105, 46] > 0


def test_hull_fills_a_notch() -> None:
    mask = np.zeros((9, 20, 20), bool)
    mask[2:7, 5:15, 5:15] = True
    mask[2:7, 8:12, 10:15] = False
    assert hull(mask, (1.0, 1.0, 1.0))[4, 10, 13]
    assert hull(mask, (1.0, 1.0, 1.0)).sum() == 500
