"""Classes on textbook shapes, at and around their limits."""

from __future__ import annotations

import numpy as np
import pytest

from resorb.anatomy import Level
from resorb.limits import load_limits
from resorb.simulation.truth import classes
from resorb.simulation.truth.canal import SIDES, Landmarks
from resorb.simulation.truth.quantities import Section
from tests.simulation.truth.shapes import L45, box, ellipsoid, painted, truth, union

LIMITS = load_limits()
FLAT = (Section(12.0, 10.0), Section(9.0, 8.0))
#: Facets 10 mm, pedicles 13 to 22 mm from the midline; corners at +-5, pedicles 6 to 18 mm above and below them.
MARKS = Landmarks(
    facet=(np.array([10.0, 22.0, 0.0]), np.array([-10.0, 22.0, 0.0])),
    pedicle={
        (name, side): (sign * 13.0, sign * 22.0, low, high)
        for name, low, high in (("L4", 11.0, 23.0), ("L5", -23.0, -11.0))
        for side, sign in SIDES
    },
)


def judged(share: float = 0.1, planes=FLAT, beyond: float = 0.0, continuous: bool = True):  # type: ignore[no-untyped-def]
    return classes.herniation_morphology(share, planes, beyond, continuous, LIMITS)


def test_morphology_at_its_limits() -> None:
    assert judged().value == "protrusion"
    assert judged(share=0.2501).value == "bulge" and judged(share=0.2499).value == "protrusion"
    for planes in ((Section(9, 9.6), FLAT[1]), (FLAT[0], Section(9, 9.6))):
        assert judged(planes=planes).value == "extrusion", "any plane decides"
    assert judged(planes=(Section(9, 9.4), FLAT[1])).value == "protrusion", "a straight neck"
    assert judged(beyond=0.6).value == "extrusion" and judged(beyond=0.4).value == "protrusion"
    assert judged(continuous=False).value == "sequestration"


def test_morphology_says_how_near_its_limit_is() -> None:
    found = judged(planes=(Section(9, 9.6), FLAT[1]))
    assert found.margin == pytest.approx(0.1) and found.unit == "mm" and "axial" in found.limit
    assert judged(share=0.27).margin == pytest.approx(0.02)
    assert judged(continuous=False).margin is None
    assert classes.bulge_or_none(0.20, LIMITS).value == "none"
    assert classes.bulge_or_none(0.30, LIMITS).value == "bulge"


@pytest.mark.parametrize(
    ("left", "zone", "msu"),
    [
        (0.0, "central", "A"),
        (-1.9, "central", "A"),
        (2.1, "paracentral", "A"),
        (-4.9, "paracentral", "A"),
        (5.1, "paracentral", "B"),
        (9.9, "paracentral", "B"),
        (-10.1, "subarticular", "C"),
        (13.1, "foraminal", "C"),
        (-21.9, "foraminal", "C"),
        (22.1, "extraforaminal", "C"),
    ],
)
def test_zones_by_their_landmarks(left: float, zone: str, msu: str) -> None:
    assert classes.zone_of(left, MARKS, LIMITS).value == zone
    found = classes.msu_zone(left, MARKS.facet, LIMITS)
    assert found.value == msu and not found.verified


@pytest.mark.parametrize(
    ("left", "side"), [(-2.1, "right"), (1.9, "midline"), (-1.9, "midline"), (2.1, "left")]
)
def test_sides(left: float, side: str) -> None:
    found = classes.side_of(left, LIMITS)
    assert found.value == side and found.margin == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("height", "where"),
    [
        (24.0, ("suprapedicle", "L4")),
        (12.0, ("pedicle", "L4")),
        (6.0, ("infrapedicle", "L4")),
        (0.0, ("disc", None)),
        (-6.0, ("suprapedicle", "L5")),
        (-12.0, ("pedicle", "L5")),
        (-24.0, ("infrapedicle", "L5")),
    ],
)
def test_craniocaudal_levels(height: float, where: tuple[str, str | None]) -> None:
    found, vertebra = classes.height_of(height, (-5.0, 5.0), L45, MARKS)
    assert (found.value, vertebra) == where
    assert found.margin == pytest.approx(5.0 if height == 0 else 1.0)


@pytest.mark.parametrize(("reach", "size"), [(0.1, "1"), (0.5, "1"), (0.51, "2"), (1.0, "2"), (1.01, "3")])
def test_msu_sizes_are_marked_unverified(reach: float, size: str) -> None:
    found = classes.msu_size(reach, LIMITS)
    assert found.value == size and not found.verified


@pytest.mark.parametrize(
    ("occupied", "thirds"),
    [(0.0, "none"), (0.2, "mild"), (1 / 3, "mild"), (0.34, "moderate"), (0.66, "moderate"), (0.67, "severe")],
)
def test_canal_compromise_by_thirds(occupied: float, thirds: str) -> None:
    assert classes.canal_compromise(occupied, LIMITS).value == thirds


@pytest.mark.parametrize(
    ("where", "roots"),
    [
        (("paracentral", "left", "disc", None), ("L5 left",)),
        (("subarticular", "right", "suprapedicle", "L5"), ("L5 right",)),
        (("foraminal", "left", "disc", None), ("L4 left",)),
        (("extraforaminal", "right", "disc", None), ("L4 right",)),
        (("central", "midline", "disc", None), ("L5 left", "L5 right", "cauda equina")),
        (("paracentral", "left", "infrapedicle", "L4"), ("L4 left", "L5 left")),
        (("paracentral", "left", "infrapedicle", "L5"), ("L5 left", "S1 left")),
        ((None, None, None, None), ()),
    ],
)
def test_candidate_roots(
    where: tuple[str | None, str | None, str | None, str | None], roots: tuple[str, ...]
) -> None:
    assert classes.candidate_roots(L45, "S1", where) == roots


def test_roots_at_the_sacrum() -> None:
    where = ("paracentral", "left", "disc", None)
    assert classes.candidate_roots(Level("L5", "S1"), "S2", where) == ("S1 left",)


TEXTBOOK = [
    ("protrusion", ellipsoid((-5, 0, 0), (7, 5, 4))),
    ("extrusion", union(box((-8, -3, -3), (-4, 1, 3)), ellipsoid((-6, -7, 0), (6, 4.5, 4)))),
    ("extrusion", box((-10, -6, -13), (-2, 2, 4))),
    ("sequestration", ellipsoid((-5, -7, -12), (5, 5, 6))),
    ("bulge", box((-23, -3, -5), (23, 1, 5))),
]


@pytest.mark.parametrize(("name", "shape"), TEXTBOOK)
def test_textbook_shapes(name: str, shape) -> None:  # type: ignore[no-untyped-def]
    level = truth(painted(shape))
    assert level.classes.morphology.value == name
    assert level.focal[0].classes.morphology.value == name
    if name != "bulge":
        assert level.classes.side.value == "left"
        assert "L5 left" in level.classes.roots


@pytest.mark.parametrize(("over", "name"), [(0.2, "protrusion"), (1.2, "extrusion")])
def test_a_head_just_wider_than_its_neck(over: float, name: str) -> None:
    shape = union(box((-10, -3, -4), (-2, 1, 4)), box((-10 - over, -7, -4), (-2, -3, 4)))
    assert truth(painted(shape)).classes.morphology.value == name


def test_depth_alone_makes_no_extrusion() -> None:
    """Edges are compared with the base along it; between flat endplates most protrusions are deeper than high."""
    assert truth(painted(box((-8, -9.5, -3), (0, 1, 3)))).classes.morphology.value == "protrusion"


@pytest.mark.parametrize(("below", "name"), [(0.3, "protrusion"), (0.8, "extrusion")])
def test_material_below_the_disc_is_extruded(below: float, name: str) -> None:
    found = truth(painted(box((-10, -4, -5 - below), (0, 1, 5)))).focal[0]
    assert found.sizes.caudal_migration_mm.value == pytest.approx(below, abs=0.05)
    assert found.classes.morphology.value == name
    assert found.classes.morphology.margin == pytest.approx(abs(below - 0.5), abs=0.05)


@pytest.mark.parametrize(("gap", "whole"), [(-0.5, True), (1.5, False)])
def test_continuity_ends_with_a_gap(gap: float, whole: bool) -> None:
    one = truth(painted(box((-9, -8 - gap, -4), (-1, -gap, 4)))).focal[0]
    assert one.continuous is whole
    assert (one.classes.morphology.value == "sequestration") is not whole


def test_the_gravest_of_two_names_the_level() -> None:
    both = painted(ellipsoid((8, 0, 0), (4, 3, 3)), into=painted(ellipsoid((-7, -7, -12), (4, 4, 4))))
    level = truth(both)
    assert [one.classes.morphology.value for one in level.focal] == ["sequestration", "protrusion"]
    assert [one.number for one in level.focal] == [1, 2]
    assert level.classes.morphology.value == "sequestration"
    assert level.classes.side.value == "left"


@pytest.mark.parametrize(("depth", "size"), [(10.0, "1"), (12.5, "2")])
def test_msu_size_by_the_intra_facet_line(depth: float, size: str) -> None:
    """In the box spine the line runs 22 mm behind the disc."""
    found = truth(painted(box((-5, -depth, -4), (5, 1, 4)))).classes.msu_size
    assert found.value == size
    assert found.margin == pytest.approx(abs(depth / 22 - 0.5), abs=0.005)
