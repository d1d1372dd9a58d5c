"""The measurement of tissues on a spine of boxes, whose every brightness is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.tissues import Sample, clipped, measure
from resorb import Volume
from resorb.anatomy import STRUCTURE_STEP, Structure
from tests.simulation import toy

MARROW, CSF, DISC, FAT = 300.0, 900.0, 90.0, 500.0


def painted(grain: float = 0.0) -> tuple[Volume, Volume]:
    """The box spine in its box of fat, 1 mm, each structure of one grey value and some noise."""
    phantom = toy.phantom(1.0)
    structure = phantom.anatomy // STRUCTURE_STEP
    grey = np.full(structure.shape, FAT)
    for which, value in (
        (Structure.VERTEBRAL_BODY, MARROW),
        (Structure.SACRUM, MARROW),
        (Structure.DISC, DISC),
        (Structure.THECAL_SAC, CSF),
        (Structure.POSTERIOR_ELEMENTS, 30.0),
    ):
        grey[structure == which] = value
    grey[:, :4] = 0.0  # air behind the back
    grey += np.random.default_rng(1).normal(0, grain, grey.shape)
    grey = np.abs(grey)  # as the magnitude images of a scanner
    return Volume(grey.astype(np.float32), phantom.fine.affine), Volume(phantom.anatomy, phantom.fine.affine)


def values(samples: list[Sample], name: str) -> list[Sample]:
    found = [sample for sample in samples if sample.measure == name]
    assert found
    return found


def test_ratios_are_those_that_were_painted() -> None:
    samples = measure(*painted(grain=2.0))
    assert {s.level for s in values(samples, "nucleus")} == {"L3/L4", "L4/L5", "L5/S1"}
    for name, grey in (("nucleus", DISC), ("annulus_back", DISC), ("fat_near", FAT), ("csf", CSF)):
        for sample in values(samples, name):
            assert sample.to_marrow == pytest.approx(grey / MARROW, rel=0.02)
            assert sample.to_csf == pytest.approx(grey / CSF, rel=0.02)


def test_an_offset_of_the_grey_scale_changes_no_ratio() -> None:
    image, labels = painted()
    lifted = image.with_data(image.data + np.float32(200))
    for plain, other in zip(measure(image, labels), measure(lifted, labels), strict=True):
        assert other.to_marrow == pytest.approx(plain.to_marrow)


def test_shading_from_head_to_foot_changes_hardly_any_ratio() -> None:
    image, labels = painted(grain=2.0)
    shaded = image.with_data(image.data * np.linspace(0.6, 1.4, image.shape[2], dtype=np.float32))
    for sample in values(measure(shaded, labels), "nucleus"):
        assert sample.to_marrow == pytest.approx(DISC / MARROW, rel=0.05)


def test_storage_order_changes_nothing() -> None:
    def turned(volume: Volume) -> Volume:
        affine = volume.affine[:, [2, 0, 1, 3]].copy()
        affine[:3, 3] += affine[:3, 0] * (volume.shape[2] - 1)
        affine[:3, 0] *= -1
        return Volume(volume.data.transpose(2, 0, 1)[::-1], affine)

    image, labels = painted(grain=2.0)
    assert measure(turned(image), turned(labels)) == measure(image, labels)


def test_a_blurred_image_has_wider_edges() -> None:
    image, labels = painted(grain=1.0)
    soft = image.with_data(ndimage.gaussian_filter(image.data, (0.0, 1.5, 1.5)))
    sharp, wide = (values(measure(one, labels), "edge_endplate_mm") for one in (image, soft))
    assert all(b.value > a.value + 1.0 for a, b in zip(sharp, wide, strict=True))


def test_grain_is_the_noise_and_white_noise_does_not_go_on() -> None:
    samples = measure(*painted(grain=15.0))
    # White noise less its blur: 1 - 2 g(0) + sum of g**2, where g is a Gaussian as wide as a pixel.
    left = np.sqrt(1 - 2 / (2 * np.pi) + 1 / (4 * np.pi))
    assert values(samples, "grain")[0].value == pytest.approx(left * 15.0 / MARROW, rel=0.05)
    assert abs(values(samples, "grain_next_across")[0].value) < 0.05


def test_clipping_is_noticed() -> None:
    image, labels = painted(grain=20.0)
    assert not clipped(image, labels)
    assert clipped(image.with_data(np.minimum(image.data, 880.0)), labels)


def test_two_grids_are_refused() -> None:
    image, labels = painted()
    with pytest.raises(ValueError, match="one grid"):
        measure(image, Volume(labels.data[1:], labels.affine))
