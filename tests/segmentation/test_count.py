"""Doubts about the count on spines whose wedges, steps and sacrum are given."""

from __future__ import annotations

import numpy as np
import pytest

from resorb.anatomy import Level, Structure
from resorb.segmentation.levels import name_levels
from resorb.study import Volume

SPACING = (4.0, 0.7, 0.7)
DEPTH, DISC = 34.0, 9.0
#: Public spines of five lumbar bodies: wedge of the lowest body and the next (degrees); distance from disc to disc, mm.
FIVE_WEDGES, FIVE_STEPS = (15.8, 7.3), (37.0, 37.0, 37.0, 36.0, 34.4)


def spine(
    wedges: tuple[float, float] = FIVE_WEDGES,
    steps: tuple[float, ...] = FIVE_STEPS,
    *,
    s1_taper: float = 0.7,
) -> Volume:
    """A stack of bodies and discs, in sagittal order; both lists go upwards. The sacrum is its first body."""
    rows, columns = round((sum(steps) + 110.0) / SPACING[1]), round(90.0 / SPACING[2])
    down, back = np.meshgrid(
        np.arange(rows) * SPACING[1], np.arange(columns) * SPACING[2] - 45.0, indexing="ij"
    )
    bottom = float(down.max()) - 45.0  # the lowest disc's middle
    section = np.zeros(down.shape, np.uint8)
    within = np.abs(back) < DEPTH / 2
    middles = bottom - np.concatenate([[0.0], np.cumsum(steps)])
    section[within & (down > middles[-1] - 20.0) & (down < bottom)] = Structure.VERTEBRAL_BODY
    slopes = [np.tan(np.radians(w / 2)) for w in (*wedges, *([4.0] * (len(steps) - 2)))]
    for n, middle in enumerate(middles):
        below = slopes[n - 1] if n else 0.0
        above = slopes[n] if n < len(slopes) else 0.0
        # A body higher in front has its upper plate rise and its lower one fall towards the front.
        upper, lower = middle - DISC / 2 - above * back, middle + DISC / 2 + below * back
        section[within & (down >= upper) & (down < lower)] = Structure.DISC
    depth = down - bottom - DISC / 2
    half = DEPTH / 2 * (1 - (1 - s1_taper) * np.clip(depth - 5.5, 0, None) / 14.0)
    section[(depth >= 0) & (depth < 30.0) & (np.abs(back) < half)] = Structure.SACRUM
    section[(back > DEPTH / 2 + 2) & (back < DEPTH / 2 + 16) & (down < bottom)] = Structure.THECAL_SAC
    affine = np.array(
        [[-SPACING[0], 0, 0, 0], [0, 0, -SPACING[2], 0], [0, -SPACING[1], 0, 0], [0, 0, 0, 1.0]]
    )
    return Volume(np.broadcast_to(section, (11, *section.shape)).copy(), affine)


def doubts(volume: Volume) -> tuple[str, ...]:
    return name_levels(volume, None, source="test").naming.doubts


def test_five_bodies_of_usual_shape_are_not_doubted() -> None:
    assert doubts(spine()) == ()


@pytest.mark.parametrize(
    ("wedges", "steps"),
    [
        (
            (6.0, 5.0),
            (37.0, 37.0, 37.0, 33.0, 31.0),
        ),  # no wedged lowest body, small bodies soon: as with four
        ((15.0, 15.0), (36.0, 37.0, 37.0, 39.0, 38.0)),  # two wedged bodies, large ones far up: as with six
    ],
)
def test_shapes_of_another_count_are_doubted(wedges: tuple[float, float], steps: tuple[float, ...]) -> None:
    (doubt,) = doubts(spine(wedges, steps))
    assert "transitional" in doubt


def test_a_squared_first_sacral_body_is_doubted() -> None:
    (doubt,) = doubts(spine(s1_taper=1.0))
    assert "square" in doubt


def test_a_count_that_the_user_gave_is_not_doubted() -> None:
    volume = spine((6.0, 5.0), (37.0, 37.0, 37.0, 33.0, 31.0))
    anatomy = name_levels(volume, None, source="test", lowest_disc=Level("L4", "S1"))
    assert anatomy.naming.doubts == ()
