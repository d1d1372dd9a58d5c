"""Two herniations of one patient meet; they do not overlap."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from resorb.errors import UsageError
from resorb.simulation.herniation import displace
from resorb.simulation.phantom import Displaced, Phantom
from resorb.simulation.spec import HerniationSpec
from tests.simulation import toy


@cache
def spine() -> Phantom:
    return toy.phantom(1.0)


def request(side: str, **sizes: object) -> HerniationSpec:
    asked = {"level": "L4/L5", "zone": "paracentral", "side": side, "depth_mm": 8.0, **sizes}
    return HerniationSpec.model_validate(asked)


def taken(material: Displaced) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    whole = np.zeros(spine().fine.tissue.shape, np.bool_)
    whole[material.window] = material.distance < 0
    return whole


def test_a_place_that_is_taken_is_refused() -> None:
    first = displace(spine(), request("left"), 1)
    with pytest.raises(UsageError, match="herniation already at L4/L5 left paracentral: give another side"):
        displace(spine(), request("left", type="extrusion"), 2, beside=(first,))


def test_material_elsewhere_changes_nothing() -> None:
    far = displace(spine(), HerniationSpec.model_validate({"level": "L3/L4", "zone": "central"}), 1)
    alone, beside = (displace(spine(), request("left"), 2, beside=b) for b in ((), (far,)))
    assert alone.distance.tobytes() == beside.distance.tobytes()


def test_a_small_overlap_is_cut_off() -> None:
    alone = displace(spine(), request("left"), 1)
    x, y, z = np.meshgrid(*spine().fine.axes(alone.window), indexing="ij")
    middle = [axis[(alone.distance < 0) & (y < 0)].mean() for axis in (x, y, z)]
    away = np.sqrt(sum((axis - at) ** 2 for axis, at in zip((x, y, z), middle, strict=True)))
    remnant = replace(alone, distance=(away - 1.2).astype(np.float32))
    new = displace(spine(), request("left"), 1, beside=(remnant,))
    assert (taken(alone) & taken(remnant)).any()
    assert not (taken(new) & taken(remnant)).any()
    assert np.array_equal(taken(new), taken(alone) & ~taken(remnant))


def test_both_sides_of_one_disc_fit() -> None:
    left = displace(spine(), request("left", width_mm=9.0), 1)
    right = displace(spine(), request("right", width_mm=9.0), 1, beside=(left,))
    assert not (taken(left) & taken(right)).any()
