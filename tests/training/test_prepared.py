from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.prepared import MARKS, Prepared, prepared, resample, statistics


def test_resampling_keeps_places_and_values() -> None:
    volume = np.zeros((2, 20, 30), np.uint8)
    volume[:, 5:10, 12:20] = 200
    fine = resample(volume, (4.0, 1.0, 1.0), order=0)
    assert fine.shape == (2, 40, 60)
    assert (fine[:, 10:20, 24:40] == 200).all()
    assert fine.sum() == 4 * volume.sum(dtype=np.int64)


def test_statistics_are_of_the_clipped_volume() -> None:
    volume = np.full((1, 100, 100), 50, np.uint8)
    volume[0, 0, :10] = 255
    assert statistics(volume) == pytest.approx((50.0, 50.0, 50.0, 0.0))


def stack(scale: float = 1.0) -> Prepared:
    random = np.random.default_rng(0)
    image = (random.normal(100, 20, (4, 60, 50)) * scale).astype(np.float32)
    admissible = np.ones(image.shape, np.uint8)
    displaced = np.zeros(image.shape, bool)
    displaced[2, 20:40, 20:40] = True
    window = (slice(None), slice(10, 60), slice(5, 45))
    return prepared("simulated", image, admissible, (4.0, 1.0, 1.0), displaced=displaced, window=window)


def test_intensities_do_not_depend_on_the_scanners_scale() -> None:
    one, other = stack(), stack(37.5)
    assert np.abs(one.image.astype(int) - other.image).max() <= 1
    assert (one.mean, one.deviation) == pytest.approx((other.mean, other.deviation), rel=1e-3)
    assert 100 < one.mean < 155  # the bell's middle, on a scale from its lowest to its highest half percent


def test_marks_lie_in_displaced_material_within_the_window() -> None:
    marks = stack().marks
    assert 0 < len(marks) <= MARKS
    assert set(marks[:, 0].tolist()) == {2}
    # The window starts at row 10, column 5, and a pixel becomes two.
    assert marks[:, 1].min() >= 20 and marks[:, 1].max() < 60
    assert marks[:, 2].min() >= 30 and marks[:, 2].max() < 70


def test_stored_and_read_again(tmp_path: Path) -> None:
    wanted = stack()
    wanted.write(tmp_path / "a.npz")
    again = Prepared.read(tmp_path / "a.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
    assert np.array_equal(again.image, wanted.image) and np.array_equal(again.marks, wanted.marks)
    assert (again.collection, again.slice_mm, again.mean) == ("simulated", 4.0, wanted.mean)
    assert not again.axial
