from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.simulation.spine.canvas import Field
from resorb.simulation.spine.outline import Outline, rim_share

OUTLINES = st.builds(Outline, st.floats(30, 60), st.floats(25, 45), st.floats(0, 3))


@given(OUTLINES)
def test_its_line_has_its_width_and_its_depth_in_the_midline(outline: Outline) -> None:
    line = outline.line(4 * 360)
    assert np.ptp(line[:, 0]) == pytest.approx(outline.width_mm, rel=1e-6)
    assert line[0] == pytest.approx([0, outline.depth_mm / 2], abs=1e-9)
    assert line[720] == pytest.approx([0, -outline.depth_mm / 2], abs=1e-9)
    assert line[-1] == pytest.approx(line[0], abs=1e-9)
    assert line[10, 0] > 0  # it leaves to the left


@given(OUTLINES)
def test_its_line_is_symmetric(outline: Outline) -> None:
    line = outline.line(96)
    np.testing.assert_allclose(line[::-1] * [-1, 1], line, atol=1e-9)


@given(OUTLINES)
def test_points_of_its_line_lie_on_it(outline: Outline) -> None:
    left, posterior = outline.line(200).astype(np.float32).T
    share, outside, _ = _at(outline, left, posterior)
    np.testing.assert_allclose(share, 1, atol=2e-5)
    np.testing.assert_allclose(outside, 0, atol=2e-3)


@given(OUTLINES, st.floats(0.3, 0.95))
def test_share_grows_along_rays_from_its_widest_place(outline: Outline, scale: float) -> None:
    left, posterior = outline.line(200).T
    widest = 0.1 * outline.depth_mm
    ray = widest + (posterior - widest) * scale
    share, outside, _ = _at(outline, (left * scale).astype(np.float32), ray.astype(np.float32))
    assert (share < 1).all() and (outside < 0).all()


@given(OUTLINES)
def test_its_posterior_margin_is_that_of_its_line(outline: Outline) -> None:
    line = outline.line(400)
    behind = line[line[:, 1] > 0.11 * outline.depth_mm]
    np.testing.assert_allclose(outline.posterior(behind[:, 0]), behind[:, 1], atol=1e-6)


def test_the_posterior_margin_of_a_bean_is_hollow() -> None:
    outline = Outline(46, 34, 2.0)
    beside, middle = outline.posterior(np.array([9.0, 0.0]))
    assert 0.5 < beside - middle < 2.0


def _at(outline: Outline, left: Field, posterior: Field) -> tuple[Field, Field, Field]:
    width, depth = np.full_like(left, outline.width_mm), np.full_like(left, outline.depth_mm)
    return rim_share(left, posterior, width, depth, outline.bean_mm)
