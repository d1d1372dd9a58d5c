from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training import redrawn
from training.harmonise import BACKGROUND, DISC, SAC
from training.redrawn import EITHER, with_drawings

DRAWING = """
[[herniation]]
subject = "001"
level = "L4/L5"
[herniation.corners]
1 = [[10.0, 5.0], [10.0, 25.0]]
[herniation.margins]
1 = [[10.0, 5.0], [{far}, 10.0], [{far}, 20.0], [10.0, 25.0]]
"""


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reader's material reaches 6 voxels behind the line, the other's 9."""
    for reader, far in ((1, "16.0"), (2, "19.0")):
        (tmp_path / f"reader-{reader}.toml").write_text(DRAWING.format(far=far))
    monkeypatch.setattr(redrawn, "MARGINS", tmp_path)


@pytest.mark.usefixtures("drawn")
def test_certain_where_both_drew_open_where_one_did_and_no_disc_elsewhere() -> None:
    bits = np.full((3, 30, 30), BACKGROUND, np.uint8)  # slice, row, column
    bits[:, :, 11:25] = EITHER
    found = with_drawings(bits, "001", (0.9, 0.5, 0.5))
    assert found[1, 15, 13] == DISC and found[1, 15, 18] == EITHER
    assert found[1, 15, 22] == BACKGROUND | SAC
    assert found[1, 15, 5] == BACKGROUND
    assert found[0, 15, 13] == BACKGROUND | SAC  # a slice in which nobody drew


@pytest.mark.usefixtures("drawn")
def test_nothing_changes_where_nothing_was_drawn() -> None:
    bits = np.full((3, 30, 30), EITHER, np.uint8)
    assert np.array_equal(with_drawings(bits, "002", (0.9, 0.5, 0.5)), bits)
