from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from resorb.mechanism.kinetics import (
    QUANTITIES,
    Mechanism,
    Shape,
    eroded,
    predict,
    retracted,
    shrunk,
)
from resorb.mechanism.priors import draw, load_priors
from resorb.mechanism.sampling import normal_scores
from tests.mechanism.cases import FIRST, NAMES, STATES

DOME = Shape(depth_mm=6.0, width_mm=12.0, height_mm=12.0, neck=0.0)  # a half sphere of radius 6
NONE = np.zeros((1, 1))
PITCH = 0.25


def test_the_cube_root_of_an_eroded_half_spheres_volume_falls_linearly() -> None:
    layers = np.linspace(0, 5, 11)[None]
    volume = eroded(DOME, layers, NONE, NONE)["volume_mm3"]
    assert np.cbrt(volume)[0] == pytest.approx(1 - layers[0] / 6.0)


def test_what_resists_is_left() -> None:
    left = eroded(DOME, np.array([[50.0]]), np.array([[0.3]]), NONE)
    assert left["volume_mm3"][0, 0] == pytest.approx(0.3)
    assert left["width_mm"][0, 0] == pytest.approx(0.3 ** (1 / 3))


def test_a_retracted_half_sphere_leaves_a_spherical_cap() -> None:
    way, radius = 2.5, 6.0
    height = radius - way
    cap = np.pi * height**2 * (3 * radius - height) / 3
    left = retracted(DOME, np.array([[way]]), NONE)
    assert left["volume_mm3"][0, 0] == pytest.approx(cap / (2 / 3 * np.pi * radius**3))
    assert left["depth_mm"][0, 0] == pytest.approx(height / radius)
    assert left["width_mm"][0, 0] == pytest.approx(np.sqrt(radius**2 - way**2) / radius)
    assert left["contact_mm2"][0, 0] == pytest.approx((radius**2 - way**2) / radius**2)


def test_what_goes_back_may_be_found_again_in_the_disc() -> None:
    shape = Shape(6.0, 12.0, 12.0, 0.0, displaced_share=0.08)
    left = retracted(shape, np.array([[3.0]]), np.ones((1, 1)))
    assert left["parent_mm3"] - 1 == pytest.approx(0.08 * (1 - left["volume_mm3"]))


def test_a_neck_keeps_its_width_while_the_body_comes_back() -> None:
    necked = Shape.of({"volume_mm3": 900, "depth_mm": 9, "width_mm": 12, "height_mm": 12, "contact_mm2": 30})
    way = np.array([[0.5 * necked.middle_mm]])
    assert necked.neck > 0.8
    assert retracted(necked, way, NONE)["width_mm"][0, 0] == 1.0


def test_lost_water_shrinks_every_length_alike() -> None:
    left = shrunk(DOME, np.array([[0.343]]), np.array([[0.5]]))
    assert [left[name][0, 0] for name in ("depth_mm", "width_mm", "height_mm")] == pytest.approx([0.7] * 3)
    assert left["contact_mm2"][0, 0] == pytest.approx(0.49)
    assert left["t2_ratio"][0, 0] == 0.5


def _ellipsoid(width: float, height: float, depth: float, middle: float) -> tuple[np.ndarray, np.ndarray]:
    """Voxels of an ellipsoid behind the plane z = 0, and the disc in front of it, on a grid of `PITCH`."""
    x, y, z = np.meshgrid(*(np.arange(-12, 16, PITCH) for _ in range(3)), indexing="ij")
    half = depth - middle
    inside = (2 * x / width) ** 2 + (2 * y / height) ** 2 + ((z - middle) / half) ** 2 < 1
    return inside & (z > 0), z <= 0


@pytest.mark.parametrize(("width", "height", "depth", "middle"), [(11, 8, 7, 0.3), (13, 10, 8, 3.0)])
def test_erosion_of_voxels_agrees(width: float, height: float, depth: float, middle: float) -> None:
    material, disc = _ellipsoid(width, height, depth, middle)
    # Exposed is what neither disc nor material fills: the base on the disc is not eroded from below.
    exposed = ndimage.distance_transform_edt(material | disc, sampling=PITCH)
    neck = middle / (depth - middle)
    shape = Shape(float(depth), float(width), float(height), neck)
    for layer in (0.8, 1.6):
        true = (material & (exposed > layer)).sum() / material.sum()
        assert eroded(shape, np.array([[layer]]), NONE, NONE)["volume_mm3"][0, 0] == pytest.approx(
            true, abs=0.07
        )


@pytest.mark.parametrize("middle", [0.3, 3.0])
def test_retraction_of_voxels_agrees(middle: float) -> None:
    material, _ = _ellipsoid(13, 10, 8, middle)
    shape = Shape(8.0, 13.0, 10.0, middle / (8 - middle))
    first = round(12 / PITCH) + 1  # the first plane behind the disc
    for way in (1.0, 2.5, 4.0):
        behind = material[:, :, first + round(way / PITCH) :].sum() / material.sum()
        left = retracted(shape, np.array([[way]]), NONE)
        assert left["volume_mm3"][0, 0] == pytest.approx(behind, abs=0.02)


def test_simulated_protrusions_follow_the_formulas() -> None:
    first = dict(zip(NAMES, FIRST, strict=True))
    shape = Shape.of(first)
    for row in STATES["retraction"]:
        state = dict(zip(NAMES, row, strict=True))
        way = np.array([[first["depth_mm"] - state["depth_mm"]]])
        left = retracted(shape, way, NONE)
        for name in ("volume_mm3", "width_mm", "height_mm", "contact_mm2"):
            off = 0.15 if name == "contact_mm2" else 0.08
            assert left[name][0, 0] == pytest.approx(state[name] / first[name], abs=off), name
    for row in STATES["shrinkage"]:
        state = dict(zip(NAMES, row, strict=True))
        left = shrunk(shape, np.array([[state["volume_mm3"] / first["volume_mm3"]]]), NONE)
        for name in ("depth_mm", "width_mm", "height_mm", "contact_mm2"):
            assert left[name][0, 0] == pytest.approx(state[name] / first[name], abs=0.03), name


@given(seed=st.integers(0, 200), neck=st.floats(0, 1), some=st.sets(st.sampled_from(list(Mechanism))))
def test_everything_stays_positive_and_volumes_fall(seed: int, neck: float, some: set[Mechanism]) -> None:
    priors = tuple(load_priors().parameters.values())
    drawn = draw(priors, normal_scores(16, len(priors), seed))
    shape = Shape(7.0, 13.0, 10.0, neck, free=neck == 1)
    ratios = predict(sorted(some), shape, drawn, np.array([0.0, 1.0, 5.0, 30.0]))
    assert set(ratios) == set(QUANTITIES)
    for ratio in ratios.values():
        assert np.isfinite(ratio).all() and (ratio >= 0).all()
        assert ratio[:, 0] == pytest.approx(1.0)
    assert (np.diff(ratios["volume_mm3"], axis=1) <= 1e-12).all()


def test_without_a_volume_there_is_no_shape() -> None:
    with pytest.raises(ValueError, match="nothing is displaced"):
        Shape.of({"volume_mm3": 0.0})
