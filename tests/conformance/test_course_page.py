"""The course's page as a real browser shows it: complete, its time line drawn, at peace with its own policy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.course import write_long_course
from resorb import joined
from tests.conformance.test_browser import browser, opened

__all__ = ["browser"]
pytestmark = pytest.mark.conformance


def test_the_browser_shows_the_time_line_with_its_pictures(browser: str, tmp_path: Path) -> None:
    joined.course(write_long_course(tmp_path, 6, 2), tmp_path / "out")
    page, shot = tmp_path / "out" / "report.html", tmp_path / "page.png"
    dom, said = opened(browser, page, tmp_path / "profile", "--dump-dom")
    assert said == [] and "Research use only" in dom and "</html>" in dom
    whole = (f"--screenshot={shot}", "--hide-scrollbars", "--window-size=1200,9000")
    _, said = opened(browser, page, tmp_path / "profile", *whole)
    assert said == []
    with Image.open(shot) as image:
        colours = np.asarray(image.convert("RGB"), np.int16)
    # The left leg's line is blue and the bars of treatments are light blue: drawn nowhere but in the figure.
    for colour in ((0, 114, 178), (86, 180, 233)):
        assert (np.abs(colours - colour).max(axis=2) < 12).sum() > 30
    assert len(np.unique(colours[..., 0])) > 100
