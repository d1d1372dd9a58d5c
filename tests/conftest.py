"""Shared by all tests: the hypothesis profile and the folder of real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shared machine may stall any single example: no deadline. CI repeats the same examples every time.
settings.register_profile("resorb", deadline=None, max_examples=40)
settings.register_profile(
    "ci", settings.get_profile("resorb"), derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "resorb")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of public MRI that RESORB_DATA names (default ../shared/data); skips where it is missing."""
    named = os.environ.get("RESORB_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "spider-t2space").is_dir():
        pytest.skip("no real data: RESORB_DATA names no folder with spider-t2space in it")
    return folder
