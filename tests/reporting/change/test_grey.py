from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resorb.anatomy import Structure
from resorb.reporting.change.grey import CSF, DARK, MARROW, grey_scale
from resorb.study import Volume

AFFINE = np.diag([1.0, 1.0, 1.0, 1.0])


def tissues(marrow: float = 120.0) -> tuple[Volume, Volume]:
    labels = np.zeros((3, 40, 40), np.uint16)
    labels[:, :10], labels[:, 10:20] = Structure.VERTEBRAL_BODY * 100, Structure.DISC * 100
    labels[:, 20:30] = Structure.THECAL_SAC * 100
    image = np.zeros(labels.shape)
    for structure, grey in (
        (Structure.VERTEBRAL_BODY, marrow),
        (Structure.DISC, 30.0),
        (Structure.THECAL_SAC, 300.0),
    ):
        image[labels == structure * 100] = grey
    image[:, 30:] = 2000.0  # a bright coil
    return Volume(image, AFFINE), Volume(labels, AFFINE)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 100), st.floats(-500, 500), st.floats(80, 230))
def test_the_same_tissue_has_the_same_grey_whatever_the_scanner(
    gain: float, offset: float, marrow: float
) -> None:
    image, labels = tissues(marrow)
    other = image.with_data(image.data * gain + offset)
    scale = grey_scale(other, labels)
    assert scale.matched
    shown = scale(np.array([30.0, marrow, 300.0]) * gain + offset)
    assert shown == pytest.approx([255 * DARK, 255 * MARROW, 255 * CSF], abs=1)


def test_brighter_is_never_shown_darker_and_what_is_brighter_than_csf_is_still_told_apart() -> None:
    scale = grey_scale(*tissues())
    shown = scale(np.linspace(0, 330, 400)).astype(int)
    assert (np.diff(shown) >= 0).all()
    assert scale(np.array([315.0]))[0] > scale(np.array([300.0]))[0]


def test_an_image_whose_marrow_is_as_bright_as_csf_is_not_matched() -> None:
    assert not grey_scale(*tissues(marrow=299.0)).matched


def test_an_image_without_outlines_is_shown_by_its_own_values() -> None:
    image, _ = tissues()
    scale = grey_scale(image, None)
    assert not scale.matched
    assert scale(np.array([-1e9, 1e9])).tolist() == [0, 255]
