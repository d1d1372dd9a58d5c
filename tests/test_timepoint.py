"""A timepoint finds the record and the displaced material of a level."""

from __future__ import annotations

import numpy as np
import pytest

from resorb.anatomy import Level
from tests import steps


def test_a_level_is_found_by_its_name() -> None:
    study = steps.study()
    timepoint = steps.timepoint(study, steps.anatomy(study))
    assert timepoint.disc(steps.L4L5).depth_mm.value == 6.25
    assert timepoint.disc(steps.L5S1).depth_mm.value is None
    with pytest.raises(KeyError, match="L1/L2"):
        timepoint.disc(Level("L1", "L2"))


def test_displaced_material_belongs_to_its_level_alone() -> None:
    study = steps.study()
    timepoint = steps.timepoint(study, steps.anatomy(study))
    assert np.argwhere(timepoint.displaced_at(steps.L4L5)).tolist() == [[1, 2, 3]]
    assert not timepoint.displaced_at(steps.L5S1).any()
