from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resorb.simulation.spine.midline import Midline
from tests.simulation.spine.soft_cases import disc_middle, planned

MIDLINES = [Midline.of(planned(seed=seed)) for seed in (0, 1)]


@settings(deadline=None, max_examples=60)
@example(0, 0.0, 12.0, 0.65625)
@example(1, 0.0, 20.0, 0.8)
@given(
    st.sampled_from([0, 1]),
    st.floats(-15.0, 15.0),
    st.floats(-5.0, 20.0),
    st.floats(0.1, 0.9),
)
def test_canal_coordinates_there_and_back(which: int, left: float, behind: float, part: float) -> None:
    midline = MIDLINES[which]
    point = np.array([left, behind, part * midline.along[-1]])
    again = midline.to_canal(midline.to_world(point))
    # Near 20 mm behind the lumbosacral bend is the point that much of the border lies equally far from.
    assert again == pytest.approx(point, abs=0.2)


def test_left_is_left_and_behind_is_behind() -> None:
    midline = MIDLINES[0]
    base, left, behind = midline.to_world(np.array([[0.0, 0, 120], [5.0, 0, 120], [0.0, 5, 120]]))
    assert left[0] == pytest.approx(base[0] - 5.0)
    assert behind[1] < base[1] - 4.0


def test_discs_and_bodies_lie_at_their_places() -> None:
    plan = planned(seed=1)
    midline = Midline.of(plan)
    for number, body in enumerate(plan.vertebrae[:-1]):
        left, behind, along = midline.to_canal(disc_middle(plan, body.name))
        assert abs(left) < 1.0 and abs(behind) < 3.0
        assert np.interp(along, midline.along, midline.place) == pytest.approx(number + 1.0, abs=0.1)
        assert midline.along_at(number + 1.0) == pytest.approx(along, abs=3.0)
