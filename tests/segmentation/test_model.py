"""The embedded model: how it resamples, and that it finds the structures of a study it never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resorb.anatomy import Structure
from resorb.segmentation.model import EmbeddedModel, Segmentation, _interpolator, _resampler
from resorb.segmentation.segment import segment
from resorb.simulation.case import SimulatedDate
from resorb.study import Contrast, FloatArray, Plane, Series, Study, Volume

sizes = st.integers(8, 400)
spacings = st.floats(0.2, 1.6)


def centres(count: int, spacing: float) -> FloatArray:
    """Where pixels of one size lie that begin where the field begins, mm."""
    return np.asarray((np.arange(count) + 0.5) * spacing, np.float64)


@given(size=sizes, spacing=spacings, wanted=spacings)
def test_a_constant_stays_constant_to_the_edge(size: int, spacing: float, wanted: float) -> None:
    down = _resampler(size, spacing, wanted)
    assert down.shape[0] * wanted == pytest.approx(size * spacing, abs=0.5 * wanted + 1e-9)
    np.testing.assert_allclose(down @ np.ones(size), 1.0, atol=1e-5)
    up = _interpolator(down.shape[0], wanted, size, spacing)
    np.testing.assert_allclose(up @ np.ones(down.shape[0]), 1.0, atol=1e-5)
    assert down.min() >= 0 and up.min() >= 0


@given(size=sizes, spacing=spacings, wanted=spacings)
def test_a_ramp_keeps_its_place_in_millimetres(size: int, spacing: float, wanted: float) -> None:
    """Interior pixels of a linear ramp hold the value at their own place: no shift by part of a pixel."""
    down = _resampler(size, spacing, wanted)
    here, there = centres(size, spacing), centres(down.shape[0], wanted)
    reach = max(spacing, wanted)
    inner = (there > reach + spacing) & (there < size * spacing - reach - spacing)
    # A triangle that spans no whole number of pixels weighs them unevenly, by a small part of a pixel.
    slack = 1e-3 if wanted <= spacing else 0.13 * spacing
    np.testing.assert_allclose((down @ here)[inner], there[inner], atol=slack)

    up = _interpolator(down.shape[0], wanted, size, spacing)
    inner = (here > wanted) & (here < (down.shape[0] - 1) * wanted)
    np.testing.assert_allclose((up @ there)[inner], here[inner], atol=1e-3)


@given(size=st.integers(40, 300), ratio=st.integers(2, 6))
def test_larger_pixels_average_what_they_cover(size: int, ratio: int) -> None:
    """A pattern finer than the new pixels leaves its mean, not an alias."""
    stripes = np.arange(size) % 2.0
    down = _resampler(size, 0.4, 0.4 * ratio)
    inner = (down @ stripes)[2:-2]
    np.testing.assert_allclose(inner, 0.5, atol=0.13)


@given(size=sizes, spacing=spacings)
def test_the_models_own_pixels_are_left_as_they_are(size: int, spacing: float) -> None:
    np.testing.assert_allclose(_resampler(size, spacing, spacing), np.eye(size), atol=1e-5)
    np.testing.assert_allclose(_interpolator(size, spacing, size, spacing), np.eye(size), atol=1e-5)


@given(size=st.integers(60, 300), spacing=st.floats(0.3, 1.2))
def test_there_and_back_moves_no_edge(size: int, spacing: float) -> None:
    """A step's half-height stays within a tenth of a millimetre of its place."""
    wanted = 0.5
    step = (np.arange(size) >= size // 2).astype(np.float64)
    down = _resampler(size, spacing, wanted)
    back = _interpolator(down.shape[0], wanted, size, spacing) @ (down @ step)
    crossing = np.interp(0.5, back, centres(size, spacing))
    assert crossing == pytest.approx(size // 2 * spacing, abs=0.1 + 0.1 * spacing)


@pytest.fixture(scope="module")
def found(simulated: SimulatedDate) -> Segmentation:
    return EmbeddedModel()(simulated.scans[0].stacks[0].sagittal())


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.mark.parametrize(
    ("structure", "floor"),
    [(Structure.VERTEBRAL_BODY, 0.85), (Structure.DISC, 0.75), (Structure.THECAL_SAC, 0.55)],
)
def test_a_synthetic_study_is_segmented(
    found: Segmentation, simulated: SimulatedDate, structure: Structure, floor: float
) -> None:
    """A floor, well below what the model reaches: it trips where the way to the model and back is broken."""
    truth = simulated.scans[0].labels[0].sagittal().data // 100 == structure
    assert dice(found.structures.data == structure, truth) > floor


def test_the_result_lies_on_the_grid_of_the_image(found: Segmentation, simulated: SimulatedDate) -> None:
    image = simulated.scans[0].stacks[0].sagittal()
    assert found.structures.shape == found.probability.shape == image.shape
    np.testing.assert_array_equal(found.structures.affine, image.affine)
    assert found.structures.data.dtype == found.probability.dtype == np.uint8
    assert set(np.unique(found.structures.data)) <= set(Structure)


def test_a_voxels_probability_is_that_of_its_own_structure(found: Segmentation) -> None:
    # The most probable of six is at least a sixth.
    assert found.probability.min() >= 255 // len(Structure)
    inside = found.probability[found.structures.data == Structure.VERTEBRAL_BODY]
    assert np.median(inside) > 0.8 * 255


def study_of(image: Volume) -> Study:
    series = Series(1, (image,), Plane.SAGITTAL, Contrast.T2)
    return Study((series,), series, None, (), (), None, "0" * 64)


def test_another_storage_order_gives_the_same_anatomy_in_the_world(simulated: SimulatedDate) -> None:
    """Five middle slices, stored as written and stored downwards, leftwards, forwards."""
    middle = simulated.scans[0].stacks[0].sagittal()
    first = middle.shape[0] // 2 - 2
    affine = middle.affine.copy()
    affine[:3, 3] = middle.to_world((first, 0, 0))
    stored = Volume(middle.data[first : first + 5], affine)

    turned = affine[:, [1, 0, 2, 3]].copy()
    turned[:3, 3] = stored.to_world((4, 0, stored.shape[2] - 1))
    turned[:3, 1:3] *= -1
    other = Volume(np.ascontiguousarray(stored.data.transpose(1, 0, 2)[:, ::-1, ::-1]), turned)

    one, two = segment(study_of(stored)), segment(study_of(other))
    assert one.levels == two.levels and len(one.levels) >= 5
    assert two.labels.shape == other.shape
    np.testing.assert_array_equal(two.labels.affine, other.affine)
    index = np.argwhere(one.labels.data > 0)
    there = np.round(other.to_index(stored.to_world(index))).astype(int)
    np.testing.assert_array_equal(two.labels.data[tuple(there.T)], one.labels.data[tuple(index.T)])
    assert np.count_nonzero(two.labels.data) == len(index)
    assert replace(one, labels=two.labels).confidence == two.confidence


def test_progress_ends_at_one(simulated: SimulatedDate) -> None:
    told: list[float] = []
    image = simulated.scans[0].stacks[0].sagittal()
    few = Volume(image.data[:2, :64, :64], image.affine)
    result = EmbeddedModel()(few, lambda _what, fraction: told.append(fraction))
    assert told == [0.5, 1.0]
    assert result.source.startswith("resorb model ")


@pytest.mark.parametrize("value", [0, 700])
def test_an_image_of_one_grey_is_no_reason_to_fail(value: int) -> None:
    flat = Volume(np.full((1, 40, 40), value, np.int16), np.diag([4.0, 0.7, 0.7, 1.0]))
    found = EmbeddedModel()(flat)
    assert np.isfinite(found.probability).all()
    assert not (found.structures.data == Structure.DISC).any()
