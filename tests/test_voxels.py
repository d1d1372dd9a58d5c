"""The box and the index of a mask against numpy's and scipy's own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from resorb.voxels import box_of, index_of

MASKS = arrays.arrays(
    np.bool_, arrays.array_shapes(min_dims=1, max_dims=3, max_side=6), elements=st.booleans()
)


@given(MASKS)
def test_as_scipy_and_numpy_say(mask: np.ndarray) -> None:
    assert box_of(mask) == (ndimage.find_objects(mask.astype(np.uint8)) or [None])[0]
    assert np.array_equal(index_of(mask), np.argwhere(mask))


@given(MASKS, st.integers(0, 8))
def test_a_margin_goes_as_far_as_the_array_does(mask: np.ndarray, beyond: int) -> None:
    wider = box_of(mask, beyond)
    grown = ndimage.grey_dilation(mask.astype(np.uint8), size=(2 * beyond + 1,) * mask.ndim, mode="constant")
    assert wider == (ndimage.find_objects(grown) or [None])[0]


def test_nothing_has_no_box_and_an_index_of_the_right_shape() -> None:
    nothing = np.zeros((4, 5, 6), bool)
    assert box_of(nothing) is None
    assert index_of(nothing).shape == (0, 3) and index_of(nothing).dtype == np.intp


def test_a_view_that_is_turned_over_and_back_is_read_as_it_stands() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[1:3, 2:4, 5] = True
    assert box_of(mask[::-1].transpose(2, 0, 1)) == (slice(5, 6), slice(2, 4), slice(2, 4))
