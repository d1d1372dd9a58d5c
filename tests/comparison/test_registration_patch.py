"""What is cut out around a vertebra: everything that moves with it, nothing that may change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resorb.anatomy import Structure
from resorb.comparison.registration_patch import Patch, patch_of
from resorb.errors import NotMeasurableError
from tests.comparison.dates import date
from tests.spine import BODY_HEIGHT, DISC_HEIGHT, HALF_WIDTH, LENGTH, Bump

#: Migrates far behind the body of L5.
LARGE = Bump(depth=4.0, half_width=9.0, half_height=16.0)
FINE = (2.0, 0.5, 0.5)


@pytest.fixture(scope="module")
def patch() -> Patch:
    one = date(bump=LARGE, spacing=FINE)
    return patch_of(one.study.sagittal.volume, one.anatomy, "L5")


def structures(patch: Patch) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """`Structure` at the patch's own voxels, read from the labels of the date."""
    labels = date(bump=LARGE, spacing=FINE).anatomy.labels
    index = np.rint(labels.to_index(patch.image.to_world(np.argwhere(np.ones(patch.image.shape))))).astype(
        int
    )
    return np.asarray(labels.data[tuple(index.T)] // 100, np.uint8).reshape(patch.image.shape)


def test_the_body_is_where_it_was_made(patch: Patch) -> None:
    """L5 is the body below the middle disc."""
    middle = [0.0, LENGTH / 2, -DISC_HEIGHT / 2 - BODY_HEIGHT / 2]
    np.testing.assert_allclose(patch.centre, middle, atol=1.0)
    inside = patch.image.to_world(np.argwhere(patch.distance < 0))
    np.testing.assert_allclose(np.ptp(inside, axis=0), [2 * HALF_WIDTH, LENGTH, BODY_HEIGHT], atol=3.0)


def test_herniation_sac_and_other_bones_are_left_out(patch: Patch) -> None:
    there = structures(patch)
    far_disc = (there == Structure.DISC) & (patch.distance > 2.0)
    assert np.count_nonzero(far_disc) > 500  # else there would be nothing to leave out
    assert not (patch.rigid & far_disc).any()
    assert not (patch.rigid & (there == Structure.THECAL_SAC)).any()
    other = np.isin(there, [Structure.VERTEBRAL_BODY, Structure.SACRUM]) & (patch.distance > 0)
    assert not (patch.rigid & other).any()
    assert (patch.rigid | (patch.distance >= 0)).all()  # all of its own body counts


def test_fine_voxels_are_joined_and_stay_where_they_are(patch: Patch) -> None:
    np.testing.assert_allclose(np.sort(patch.image.spacing_mm), [1.0, 1.0, 2.0])
    inside = patch.image.data[patch.distance < -4.0]
    assert np.median(inside) == pytest.approx(110.0, abs=1.0)  # marrow of the closed form


def test_an_image_is_made_as_coarse_as_the_other_but_no_coarser(patch: Patch) -> None:
    """An edge across the slices spreads by the other's thickness; a thick one beside a thin one is left sharp."""
    thick_date = date(spacing=(5.0, 0.8, 0.8))
    thick = patch_of(thick_date.study.sagittal.volume, thick_date.anatomy, "L5")

    def roughness(of: Patch, other: Patch) -> float:
        across = int(np.argmax(of.image.spacing_mm))
        return float(np.abs(np.diff(of.blurred_to(other), axis=across)).max())

    assert roughness(patch, thick) < 0.9 * roughness(patch, patch)
    assert roughness(thick, patch) == pytest.approx(roughness(thick, thick), rel=1e-6)


def test_a_vertebra_that_is_hardly_in_the_field_is_refused() -> None:
    one = date()
    labels = one.anatomy.labels.data.copy()
    body = np.argwhere(one.anatomy.body("L5"))
    labels[tuple(body[20:].T)] = 0
    cut = replace(one.anatomy, labels=one.anatomy.labels.with_data(labels))
    with pytest.raises(NotMeasurableError, match="hardly anything of L5"):
        patch_of(one.study.sagittal.volume, cut, "L5")
