"""A file to read."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "patient.nii.gz"
    path.write_bytes(b"image")
    return path
