from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("cv2")

from benchmarks.common import data_folder
from training import dataset
from training.folds import PARTS, folds

DATA = data_folder()


@pytest.mark.skipif(DATA is None, reason="no public MRI: set RESORB_DATA")
def test_everybody_is_left_out_once_and_herniations_are_spread() -> None:
    assert DATA is not None
    parts = folds(DATA)
    everybody = [s for part in PARTS for s in dataset.scans(DATA, part) if s.graded]
    assert sorted(name for part in parts for name in part) == sorted(s.subject for s in everybody)
    herniated = {s.subject for s in everybody if dataset.herniated_discs(DATA, s)}
    assert all(1 <= len(herniated & set(part)) <= 2 for part in parts)
