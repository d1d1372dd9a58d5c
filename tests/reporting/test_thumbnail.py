"""Small pictures: the right part of the right slice, anterior on the left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resorb.reporting.figure import FOOT_MM, MAIN_MM, MARGIN_MM
from resorb.reporting.thumbnail import LEVEL_MM, PIXELS, figure_thumbnail, thumbnail
from resorb.study import Volume


@pytest.fixture
def volume() -> Volume:
    """Voxels of 4 x 1 x 1 mm, RAS; slice 6 has a bright square of 10 mm around (24, 60, 90) mm."""
    data = np.zeros((9, 150, 200), np.float32)
    data[6, 55:66, 85:96] = 100
    return Volume(data, np.diag([4.0, 1.0, 1.0, 1.0]))


def test_a_level_is_shown_in_the_middle_at_true_scale(volume: Volume) -> None:
    picture = thumbnail(volume, (24.0, 60.0, 90.0))
    assert picture.shape == (PIXELS, PIXELS) and picture.dtype == np.uint8
    rows, columns = np.nonzero(picture > 127)
    assert rows.mean() == pytest.approx(PIXELS / 2, abs=2)
    assert columns.mean() == pytest.approx(PIXELS / 2, abs=2)
    assert np.ptp(rows) * LEVEL_MM / PIXELS == pytest.approx(11, abs=0.7)


def test_without_a_level_the_middle_slice_is_shown_whole() -> None:
    data = np.zeros((9, 100, 200), np.float32)
    data[4, 70:, 150:] = 100  # anterior and superior in RAS
    picture = thumbnail(Volume(data, np.diag([4.0, 1.0, 1.0, 1.0])))
    rows, columns = np.nonzero(picture > 127)
    assert rows.max() < PIXELS / 2 and columns.max() < PIXELS / 2
    assert len(rows) == pytest.approx(PIXELS**2 * 30 * 50 / 200**2, rel=0.05)


def test_an_image_without_contrast_is_drawn() -> None:
    assert thumbnail(Volume(np.full((3, 20, 20), 7.0), np.eye(4))).shape == (PIXELS, PIXELS)


def test_of_a_stored_figure_the_large_picture_is_taken(tmp_path: Path) -> None:
    scale = 5
    height = round(scale * (2 * MARGIN_MM + MAIN_MM + FOOT_MM))
    figure = np.full((height, 2 * height, 3), 255, np.uint8)
    edge, side = round(scale * MARGIN_MM), round(scale * MAIN_MM)
    figure[edge : edge + side, edge : edge + side] = (10, 20, 30)
    Image.fromarray(figure).save(tmp_path / "figure.png")
    picture = figure_thumbnail(tmp_path / "figure.png")
    assert picture.shape == (PIXELS, PIXELS, 3)
    assert (picture[2:-2, 2:-2] == (10, 20, 30)).all()
    (tmp_path / "figure.png").write_bytes(b"no picture")
    with pytest.raises(OSError):
        figure_thumbnail(tmp_path / "figure.png")
