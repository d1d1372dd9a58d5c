"""Facets and pedicles found in labels, against the exact landmarks of a simulated spine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resorb.anatomy import Anatomy, Level, LevelNaming
from resorb.limits import load_limits
from resorb.measurement.landmarks import landmarks_of
from resorb.simulation.case import SimulatedDate
from resorb.simulation.truth.canal import landmarks_of as true_landmarks
from resorb.simulation.truth.frame import level_geometry
from resorb.study import Volume

LIMITS = load_limits()
LEVELS = [Level("L2", "L3"), Level("L3", "L4"), Level("L4", "L5"), Level("L5", "S1")]


def anatomy(labels: Volume) -> Anatomy:
    return Anatomy(labels, tuple(LEVELS), LevelNaming("the sacrum"), "truth", {})


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_landmarks_lie_where_the_phantom_has_them(simulated: SimulatedDate, level: Level) -> None:
    """On 4 mm slices the mean of two sides is good to about half a slice."""
    geometry = level_geometry(simulated.phantom, level, simulated.pose, LIMITS)
    truth = true_landmarks(simulated.phantom, geometry, simulated.pose)
    found = landmarks_of(anatomy(simulated.scans[0].labels[0]), geometry.frame, 50.0, LIMITS)
    assert found.rests_on == () and truth.facet is not None and found.facets is not None
    across = float(np.mean([abs(edge[0]) for edge in truth.facet]))
    back = float(np.mean([edge[1] for edge in truth.facet]))
    assert found.facet_mm("left") == found.facet_mm("right") == pytest.approx(across, abs=2.5)
    assert found.facets[0][1] == pytest.approx(back, abs=2.5)
    for place in (0, 1):
        exact = np.mean([abs(one[place]) for one in truth.pedicle.values()])
        assert found.border_mm("left", place) == pytest.approx(exact, abs=2.5)
    for vertebra in {name for name, _ in truth.pedicle}:
        exact_heights = np.mean(
            [one[2:] for (name, _), one in truth.pedicle.items() if name == vertebra], axis=0
        )
        assert found.heights_mm(vertebra) == pytest.approx(exact_heights, abs=1.5)


def test_what_the_field_does_not_show_is_estimated_and_said(simulated: SimulatedDate) -> None:
    level = Level("L4", "L5")
    frame = level_geometry(simulated.phantom, level, simulated.pose, LIMITS).frame
    labels = simulated.scans[0].labels[0]
    empty = labels.with_data(np.where(labels.data // 100 == 2, 0, labels.data).astype(np.uint16))
    found = landmarks_of(replace(anatomy(labels), labels=empty), frame, 50.0, LIMITS)
    assert found.facet_mm("left") == pytest.approx(25.0 * LIMITS["facet_share"])
    assert found.border_mm("right", 0) == pytest.approx(25.0 * LIMITS["pedicle_medial_share"])
    assert found.heights_mm("L4") is None
    assert "pedicle medial" in found.source and "estimated from the body's width" in found.source
    assert set(found.rests_on) == {
        "facet_share", "facet_depth_share", "pedicle_medial_share", "pedicle_lateral_share",
    }  # fmt: skip
