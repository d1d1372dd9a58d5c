"""Displaced material has the sizes that were asked for: measured on its surface, in the toy spine's own coordinates.

There the reference surface is the plane y = 0, the disc L4/L5 reaches from z = -5 to 5, and the margin
runs along x as far as about 12 mm from the midline.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import measure

from resorb.errors import UsageError
from resorb.simulation.herniation import displace, fill
from resorb.simulation.phantom import Displaced, Phantom
from resorb.simulation.spec import HerniationSpec
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray
from tests.simulation import toy

PITCH = 0.5
HALF_DISC = toy.DISC_MM / 2
TYPES = ("bulge", "protrusion", "extrusion", "sequestration")
ZONES = ("central", "paracentral", "subarticular", "foraminal", "extraforaminal")


@cache
def spine() -> Phantom:
    return toy.phantom(PITCH)


def spec(kind: str, zone: str = "central", side: str | None = None, **sizes: object) -> HerniationSpec:
    return HerniationSpec.model_validate(
        {"level": "L4/L5", "type": kind, "zone": zone, "side": side, **sizes}
    )


def surface(material: Displaced) -> FloatArray:
    """World points (n, 3) on the surface, behind the reference surface."""
    points = measure.marching_cubes(material.distance, 0.0)[0] * PITCH
    world = points + np.array([a[0] for a in spine().fine.axes(material.window)])
    return np.asarray(world[world[:, 1] <= 0.0])


def voxels(material: Displaced) -> tuple[FloatArray, FloatArray, FloatArray]:
    """World x, y and z of the material's voxels behind the reference surface."""
    index = np.nonzero(material.distance < 0)
    x, y, z = (a[i] for a, i in zip(spine().fine.axes(material.window), index, strict=True))
    behind = y < 0
    return x[behind], y[behind], z[behind]


@cache
def made(kind: str, zone: str, side: str | None) -> Displaced:
    return displace(spine(), spec(kind, zone, side), 5)


def near(got: float, asked: float) -> bool:
    return abs(got - asked) <= max(0.05 * asked, PITCH / 2)


CENTRAL: dict[str, dict[str, float]] = {
    "bulge": {"depth_mm": 2.5, "width_mm": 42.0, "height_mm": 8.0},
    "protrusion": {"depth_mm": 5.0, "width_mm": 14.0, "height_mm": 8.0, "volume_mm3": 330.0},
    "extrusion": {
        "depth_mm": 8.0,
        "width_mm": 12.0,
        "height_mm": 14.0,
        "migration_mm": -7.0,
        "neck_mm": 7.0,
        "volume_mm3": 650.0,
    },
    "sequestration": {
        "depth_mm": 7.0,
        "width_mm": 10.0,
        "height_mm": 9.0,
        "migration_mm": 12.0,
        "volume_mm3": 350.0,
    },
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("seed", [1, 2])
def test_asked_sizes_are_met(kind: str, seed: int) -> None:
    asked = CENTRAL[kind]
    material = displace(spine(), HerniationSpec.model_validate({**spec(kind).model_dump(), **asked}), seed)
    points = surface(material)
    assert near(-points[:, 1].min(), asked["depth_mm"])
    assert near(np.ptp(points[:, 2]), asked["height_mm"])
    if kind != "bulge":  # it goes on round the disc's corners
        assert near(np.ptp(points[:, 0]), asked["width_mm"])
        assert len(voxels(material)[0]) * PITCH**3 == pytest.approx(asked["volume_mm3"], rel=0.05)
    if kind == "extrusion":
        base = points[(points[:, 1] > -PITCH) & (np.abs(points[:, 2]) < HALF_DISC)]
        assert near(np.ptp(base[:, 0]), asked["neck_mm"])
        assert near(-HALF_DISC - points[:, 2].min(), 7.0)
    if kind == "sequestration":
        assert near(points[:, 2].max() - HALF_DISC, 12.0)


@settings(max_examples=8, deadline=None)
@given(
    depth=st.floats(3.0, 9.0),
    width=st.floats(9.0, 16.0),
    height=st.floats(5.0, 9.5),
    seed=st.integers(0, 99),
)
def test_any_protrusion_is_as_asked_and_widest_at_its_base(
    depth: float, width: float, height: float, seed: int
) -> None:
    request = spec("protrusion", depth_mm=depth, width_mm=width, height_mm=height)
    material = displace(spine(), request, seed)
    points = surface(material)
    assert near(-points[:, 1].min(), depth)
    assert near(np.ptp(points[:, 0]), width)
    assert near(np.ptp(points[:, 2]), height)
    x, y, z = voxels(material)
    for across, along in ((x, z), (z, x)):
        for plane in np.unique(along):
            here = along == plane
            base = np.ptp(across[here & (y > -PITCH)]) if (here & (y > -PITCH)).any() else 0.0
            assert np.ptp(across[here]) <= base + PITCH


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("zone", ZONES[1:])
def test_every_zone_and_side_gets_its_own_mirror_image(kind: str, zone: str) -> None:
    left, right = (made(kind, zone, side) for side in ("left", "right"))
    assert left.spec.volume_mm3 == pytest.approx(right.spec.volume_mm3, rel=1e-3)
    a, b = (m.distance < 0 for m in (left, right))
    assert a.shape == b.shape
    assert np.count_nonzero(a ^ b[::-1]) <= 0.01 * np.count_nonzero(a)
    x = voxels(left)[0]
    facet = toy.FACET_MM
    limits = {
        "paracentral": (2.0, facet),
        "subarticular": (facet - 4, facet + 4),
        "foraminal": (13.0, 22.0),
        "extraforaminal": (20.0, 40.0),
    }[zone]
    if kind != "bulge":
        assert limits[0] < -x.mean() < limits[1]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", TYPES)
def test_material_is_outside_bone_and_joined_or_free(kind: str, zone: str) -> None:
    material = made(kind, zone, None if zone == "central" else "right")
    inside = material.distance < 0
    tissue = spine().fine.tissue[material.window]
    assert not np.isin(tissue[inside], (Tissue.CORTEX, Tissue.MARROW)).any()
    assert ndimage.label(inside)[1] == 1
    disc = tissue == Tissue.ANNULUS
    gap = ndimage.distance_transform_edt(~disc, sampling=PITCH)[inside].min()
    assert gap >= 1.5 if kind == "sequestration" else gap == 0.0
    assert material.distance.dtype == np.float32
    assert material.mix.dtype == np.uint8
    assert (
        min(material.distance[0].min(), material.distance[:, 0].min(), material.distance[..., 0].min()) > 4.0
    )


def test_a_smooth_protrusion_of_that_volume_is_the_half_ellipsoid() -> None:
    a, b, depth = 7.0, 4.0, 6.0
    volume = 2 / 3 * np.pi * a * b * depth
    request = spec("protrusion", depth_mm=depth, width_mm=2 * a, height_mm=2 * b, volume_mm3=volume)
    material = displace(spine(), request, 0, roughness=0)
    x, _, _ = voxels(material)
    assert len(x) * PITCH**3 == pytest.approx(volume, rel=0.01)
    points = surface(material)
    radius = np.sqrt((points[:, 0] / a) ** 2 + (points[:, 1] / depth) ** 2 + (points[:, 2] / b) ** 2)
    assert np.abs(radius[points[:, 1] < -PITCH] - 1).max() < 0.04


def test_distance_is_that_to_the_surface() -> None:
    r = 5.0
    request = spec(
        "sequestration",
        depth_mm=2 * r + 0.6,
        width_mm=2 * r,
        height_mm=2 * r,
        migration_mm=15.0,
        volume_mm3=4 / 3 * np.pi * r**3,
    )
    material = displace(spine(), request, 0, roughness=0)
    x, y, z = np.meshgrid(*spine().fine.axes(material.window), indexing="ij")
    distance = np.sqrt(x**2 + (y + r + 0.6) ** 2 + (z - HALF_DISC - 15.0 + r) ** 2) - r
    assert len(voxels(material)[0]) * PITCH**3 == pytest.approx(4 / 3 * np.pi * r**3, rel=0.01)
    error = (material.distance - distance)[distance > -3.0]
    assert np.abs(error).max() < 0.7 * PITCH
    assert error.std() < 0.1 * PITCH


def test_fill_keeps_what_was_asked_and_draws_the_rest_once() -> None:
    asked = spec("extrusion", "paracentral", "left", depth_mm=8.0)
    filled = fill(asked, spine(), 3)
    assert filled.depth_mm == 8.0
    sizes = filled.model_dump(exclude={"level", "type", "zone", "side"})
    assert None not in sizes.values()
    assert fill(filled, spine(), 3) == filled
    assert displace(spine(), filled, 3).spec == filled
    assert fill(asked, spine(), 4) != filled


def test_the_same_seed_gives_the_same_bytes() -> None:
    request = spec("extrusion", "paracentral", "left")
    one, two = (displace(spine(), request, 7) for _ in range(2))
    assert one.distance.tobytes() == two.distance.tobytes()
    assert one.mix.tobytes() == two.mix.tobytes()
    assert displace(spine(), request, 8).distance.shape != ()


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        (
            {"type": "extrusion", "depth_mm": 21.0},
            "an extrusion of 21 mm depth does not fit at L4/L5: the canal holds at most 1",
        ),
        ({"type": "protrusion", "width_mm": 55.0}, "a protrusion of 55 mm width does not fit at L4/L5"),
        ({"type": "protrusion", "height_mm": 14.0}, "the disc is 10.0 mm high there"),
        ({"type": "protrusion", "width_mm": 14.0, "neck_mm": 7.0}, "widest at its base"),
        ({"type": "bulge", "width_mm": 20.0}, "more than a quarter of the circumference"),
        ({"type": "extrusion", "migration_mm": 29.0}, "the next disc is reached at 26.0 mm"),
        ({"type": "extrusion", "migration_mm": 9.0, "height_mm": 6.0}, "at least 11.0 mm high"),
        ({"type": "extrusion", "migration_mm": 0.0, "height_mm": 30.0}, "at most 10.0 mm is possible"),
        (
            {"type": "extrusion", "width_mm": 10.0, "neck_mm": 12.0, "height_mm": 9.0},
            "narrower than its body",
        ),
        (
            {
                "type": "protrusion",
                "depth_mm": 4.0,
                "width_mm": 12.0,
                "height_mm": 8.0,
                "volume_mm3": 2000.0,
            },
            "cannot hold 2000 mm3: ",
        ),
    ],
)
def test_the_impossible_is_refused_with_its_limit(request_of: dict[str, object], words: str) -> None:
    request = HerniationSpec.model_validate({"level": "L4/L5", "zone": "central", **request_of})
    with pytest.raises(UsageError) as error:
        displace(spine(), request, 1)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_level_that_is_not_there_is_refused() -> None:
    request = HerniationSpec.model_validate({"level": "L1/L2", "zone": "central"})
    with pytest.raises(UsageError, match="no disc L1/L2 in this spine; it has L3/L4, L4/L5, L5/S1"):
        fill(request, spine(), 1)
