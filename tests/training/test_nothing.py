from __future__ import annotations

import numpy as np

from training.harmonise import BACKGROUND
from training.nothing import stack


def test_all_is_background_in_images_that_differ() -> None:
    one, other = stack(1), stack(2)
    assert (one.admissible == BACKGROUND).all() and not len(one.marks)
    assert one.image.std() > 5 and not np.array_equal(one.image, other.image)
    assert np.array_equal(stack(1).image, one.image)
    assert stack(4).axial and not one.axial
