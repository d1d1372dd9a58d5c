from __future__ import annotations

import tomllib

import numpy as np
import pytest

from training.dataset import PARTS, SPLIT, resample, statistics


def test_no_subject_is_in_two_parts() -> None:
    for parts in tomllib.loads(SPLIT.read_text()).values():
        subjects = [subject for part in PARTS for subject in parts[part]]
        assert len(subjects) == len(set(subjects))
        assert set(parts) == set(PARTS)


def test_one_person_scanned_twice_stays_in_one_part() -> None:
    parts = tomllib.loads(SPLIT.read_text())["zukic-mixed"]
    assert any({"10", "11"} <= set(parts[part]) for part in PARTS)


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
