"""The published definitions as tables, with cases at, just below and just above each limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.anatomy import Level
from resorb.limits import Limits, load_limits
from resorb.measurement.classes import (
    DiscState,
    Landmarks,
    Pedicle,
    Shape,
    bulge_or_none,
    canal_compromise,
    candidate_roots,
    degeneration,
    following_root,
    gravest,
    height_level,
    morphology,
    msu_size,
    msu_zone,
    sac_narrowing,
    side,
    with_error,
    zone,
)
from resorb.measurement.classes.landmarks import Side
from resorb.reading import Class, Classes

LIMITS = load_limits()
L4L5 = Level("L4", "L5")
SIDES: tuple[tuple[Side, float], ...] = (("left", 1.0), ("right", -1.0))
#: Facets 10 mm, pedicles 13 to 22 mm from the midline; pedicles 6 to 18 mm above and below corners at +-5 mm.
MARKS = Landmarks(
    facets=((10.0, 22.0), (-10.0, 22.0)),
    pedicles={
        (name, where): Pedicle(sign * 13.0, sign * 22.0, low, high)
        for name, low, high in (("L4", 11.0, 23.0), ("L5", -23.0, -11.0))
        for where, sign in SIDES
    },
)
NO_MARKS = Landmarks(facets=None)


def shape(
    share: float = 0.1,
    axial: float = -2.0,
    sagittal: float = -1.0,
    beyond: float = 0.0,
    continuous: bool | None = True,
) -> Shape:
    return Shape(share, {"axial": axial, "sagittal": sagittal}, beyond, continuous)


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (shape(), "protrusion"),
        (shape(share=0.25), "protrusion"),
        (shape(share=0.2501), "bulge"),
        (shape(axial=0.49), "protrusion"),
        (shape(axial=0.51), "extrusion"),
        (shape(axial=-5, sagittal=0.51), "extrusion"),
        (shape(beyond=0.49), "protrusion"),
        (shape(beyond=0.51), "extrusion"),
        (shape(continuous=None), "protrusion"),
        (shape(continuous=False), "sequestration"),
        (shape(share=0.6, continuous=False), "sequestration"),
        (shape(share=0.6, axial=3.0), "bulge"),
    ],
)
def test_morphology_of_the_task_force(found: Shape, value: str) -> None:
    """Protrusion on axial but extrusion on sagittal is an extrusion; over a quarter of the circumference a bulge."""
    assert morphology(found, LIMITS).value == value


def test_a_plane_that_was_not_measured_decides_nothing() -> None:
    assert morphology(Shape(0.1, {"sagittal": 3.0}, 0.0, True), LIMITS).value == "extrusion"
    assert morphology(Shape(0.1, {}, 0.2, True), LIMITS).value == "protrusion"


def test_a_morphology_says_what_it_hangs_on_and_how_near_that_is() -> None:
    found = morphology(shape(axial=0.6), LIMITS, error_mm=0.2)
    assert found.margin == pytest.approx(0.1) and found.unit == "mm" and "axial" in found.limit and found.near
    assert not morphology(shape(axial=0.6), LIMITS, error_mm=0.05).near
    assert not found.verified, "the allowance of half a millimetre is ours"
    assert morphology(shape(share=0.24), LIMITS, share_error=0.02).near
    assert morphology(shape(share=0.30), LIMITS).verified
    assert morphology(shape(continuous=False), LIMITS).margin is None
    assert morphology(shape(continuous=False), LIMITS, doubted=True).near


@pytest.mark.parametrize(("share", "value"), [(0.0, "none"), (0.25, "none"), (0.26, "bulge"), (1.0, "bulge")])
def test_a_disc_bulges_over_a_quarter_of_its_circumference(share: float, value: str) -> None:
    assert bulge_or_none(share, LIMITS).value == value


def test_the_gravest_names_the_level() -> None:
    found = [Class(value=name) for name in ("bulge", "extrusion", "protrusion", "extrusion")]
    assert gravest(found) == 1


@pytest.mark.parametrize(
    ("left", "name", "msu"),
    [
        (0.0, "central", "A"),
        (2.0, "central", "A"),
        (2.1, "paracentral", "A"),
        (-5.0, "paracentral", "A"),
        (5.1, "paracentral", "B"),
        (-10.0, "paracentral", "B"),
        (10.1, "subarticular", "C"),
        (-13.0, "subarticular", "C"),
        (13.1, "foraminal", "C"),
        (-22.0, "foraminal", "C"),
        (22.1, "extraforaminal", "C"),
    ],
)
def test_zones_by_facets_and_pedicles_and_by_quarters_of_the_line(left: float, name: str, msu: str) -> None:
    assert zone(left, MARKS, LIMITS).value == name
    found = msu_zone(left, MARKS, LIMITS)
    assert found.value == msu and not found.verified


@given(left=st.floats(0.01, 40.0))
def test_left_and_right_mirror_each_other(left: float) -> None:
    assert zone(left, MARKS, LIMITS).value == zone(-left, MARKS, LIMITS).value
    mirrored = {"left": "right", "right": "left", "midline": "midline"}
    assert side(-left, LIMITS).value == mirrored[side(left, LIMITS).value or ""]


@given(value=st.floats(0, 30), error=st.floats(0.01, 5))
def test_a_class_is_near_exactly_where_another_lies_within_the_error(value: float, error: float) -> None:
    here = zone(value, MARKS, LIMITS, error_mm=error)
    others = {zone(max(value + d * error * 1.0001, 0), MARKS, LIMITS).value for d in (-1, 1)}
    if others != {here.value}:
        assert here.near or (here.margin or 0) <= error * 1.001
    elif here.near:
        assert (here.margin or 0) <= error + 1e-4


def test_landmarks_that_were_estimated_are_said_and_unverified() -> None:
    told = Landmarks(
        MARKS.facets, edges_mm=(13.0, 22.0), source="pedicles estimated", rests_on=("pedicle_medial_share",)
    )
    found = zone(11.0, told, LIMITS)
    assert found.value == "subarticular" and not found.verified and "pedicles estimated" in found.limit
    assert zone(11.0, MARKS, LIMITS).verified


def test_without_landmarks_there_is_no_class_and_a_reason() -> None:
    size = msu_size(0.4, NO_MARKS, LIMITS)
    for found in (zone(5.0, NO_MARKS, LIMITS), msu_zone(5.0, NO_MARKS, LIMITS), size):
        assert found.value is None and "facet" in found.reason


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
    found, vertebra = height_level(height, (-5.0, 5.0), L4L5, MARKS, LIMITS)
    assert (found.value, vertebra) == where


def test_craniocaudal_levels_without_pedicles_and_in_disorder() -> None:
    assert height_level(6.0, (-5.0, 5.0), L4L5, NO_MARKS, LIMITS)[0].value == "infrapedicle"
    assert height_level(-6.0, (-5.0, 5.0), L4L5, NO_MARKS, LIMITS)[1] == "L5"
    assert height_level(0.0, (-5.0, 15.0), L4L5, MARKS, LIMITS)[0].value is None


@pytest.mark.parametrize(("reach", "size"), [(0.1, "1"), (0.5, "1"), (0.51, "2"), (1.0, "2"), (1.01, "3")])
def test_msu_sizes_are_marked_unverified(reach: float, size: str) -> None:
    found = msu_size(reach, MARKS, LIMITS)
    assert found.value == size and not found.verified


@pytest.mark.parametrize(
    ("occupied", "thirds"),
    [(0.2, "mild"), (1 / 3, "mild"), (0.34, "moderate"), (2 / 3, "moderate"), (0.67, "severe")],
)
def test_canal_compromise_by_thirds(occupied: float, thirds: str) -> None:
    found = canal_compromise(occupied, LIMITS)
    assert found.value == thirds and found.verified
    assert canal_compromise(occupied, LIMITS, displaced=False).value == "none"


def test_canal_compromise_that_was_not_measured_keeps_its_reason() -> None:
    assert canal_compromise(None, LIMITS, reason="cropped").reason == "cropped"
    assert canal_compromise(0.0, LIMITS).value == "none"


@pytest.mark.parametrize(
    ("area", "said"),
    [
        (65.0, "narrow by most studies"),
        (80.0, "narrow"),
        (111.0, "early narrowing"),
        (151.67, "not narrow"),
    ],
)
def test_the_sac_beside_its_published_thresholds(area: float, said: str) -> None:
    """Controls had 151.67 mm2 on average, patients with stenosis 80.04 (PMC5728944)."""
    assert sac_narrowing(area, LIMITS).value == said


@pytest.mark.parametrize(
    ("ratio", "height_mm", "grade"),
    [(0.7, 8.0, "1"), (0.3, 8.0, "2"), (0.18, 8.0, "3"), (0.1, 8.0, "4"), (0.05, 8.0, "5"), (0.1, 12.0, "3"),
     (0.1, 5.0, "5"), (0.3, 3.0, "4")],
)  # fmt: skip
def test_grades_worsen_with_darkness_and_lowness(ratio: float, height_mm: float, grade: str) -> None:
    found = degeneration(DiscState(ratio, height_mm), LIMITS)
    assert found.value == grade and not found.verified


@given(a=st.floats(0, 1), b=st.floats(0, 1), height_mm=st.floats(1, 16))
def test_a_brighter_or_higher_disc_is_never_graded_worse(a: float, b: float, height_mm: float) -> None:
    dark, bright = (degeneration(DiscState(r, height_mm), LIMITS).value or "" for r in sorted((a, b)))
    assert bright <= dark
    low, high = (degeneration(DiscState(a, h), LIMITS).value or "" for h in (height_mm, height_mm + 1.0))
    assert high <= low


@pytest.mark.parametrize(("error_mm", "near"), [(0.2, False), (0.6, True)])
def test_a_grade_is_near_where_the_error_of_its_height_reaches_the_limit(error_mm: float, near: bool) -> None:
    # 0.4 mm lower, the adjusted signal of 0.165 falls to the limit of 0.155.
    found = degeneration(DiscState(0.165, 8.0, height_error_mm=error_mm), LIMITS)
    assert found.value == "3" and found.near is near


def test_a_grade_without_height_says_so() -> None:
    found = degeneration(DiscState(0.3, None), LIMITS)
    assert found.value == "2" and found.near and "not measured" in found.limit
    assert degeneration(DiscState(None, 0.3, reason="no CSF"), LIMITS).reason == "no CSF"


def _placed(name: str, where: str, height: str = "disc", vertebra: str | None = None) -> Classes:
    none = Class(value=None, reason="not asked")
    return Classes(
        morphology=none,
        msu_size=none,
        msu_zone=none,
        zone=Class(value=name),
        side=Class(value=where),
        height_level=Class(value=height),
        height_vertebra=vertebra,
    )


#: Berra et al. 2021, tables 1-2: root, its posterolateral disc, its far-lateral disc.
BERRA = [("L3", "L2/L3", "L3/L4"), ("L4", "L3/L4", "L4/L5"), ("L5", "L4/L5", "L5/S1"), ("S1", "L5/S1", None)]


@pytest.mark.parametrize(("root", "posterolateral", "far_lateral"), BERRA)
def test_roots_of_the_published_table(root: str, posterolateral: str, far_lateral: str | None) -> None:
    for name in ("paracentral", "subarticular"):
        level = Level.parse(posterolateral)
        assert candidate_roots(level, _placed(name, "left"), "?") == (f"{root} left",)
    for name in ("foraminal", "extraforaminal") if far_lateral else ():
        level = Level.parse(far_lateral or "")
        assert candidate_roots(level, _placed(name, "right"), "?") == (f"{root} right",)


@pytest.mark.parametrize(
    ("classes", "roots"),
    [
        (_placed("central", "midline"), ("L5 left", "L5 right", "cauda equina")),
        (_placed("paracentral", "left", "infrapedicle", "L4"), ("L4 left", "L5 left")),
        (_placed("paracentral", "left", "pedicle", "L4"), ("L4 left",)),
        (_placed("paracentral", "left", "suprapedicle", "L5"), ("L5 left",)),
        (_placed("paracentral", "left", "infrapedicle", "L5"), ("L5 left", "S1 left")),
    ],
)
def test_migrated_and_central_material(classes: Classes, roots: tuple[str, ...]) -> None:
    assert candidate_roots(L4L5, classes, "S1") == roots


@pytest.mark.parametrize(
    ("level", "levels", "root"),
    [
        ("L4/L5", ("L4/L5", "L5/S1"), "S1"),
        ("L5/S1", ("L4/L5", "L5/S1"), "S2"),
        ("L4/L5", ("L4/L5", "L5/L6", "L6/S1"), "L6"),
        ("L3/L4", ("L3/L4", "L4/S1"), "S1"),
        ("L3/L4", ("L3/L4",), "L5"),
        ("L4/L5", ("L4/L5",), "S1"),
    ],
)
def test_the_root_that_follows(level: str, levels: tuple[str, ...], root: str) -> None:
    assert following_root(Level.parse(level), tuple(map(Level.parse, levels))) == root


def test_an_overridden_limit_moves_the_class_and_is_not_verified() -> None:
    entries = dict(LIMITS.entries)
    old = entries["canal_mild"]
    entries["canal_mild"] = type(old)(old.name, 0.1, old.unit, "user file", False, old.meaning)
    found = canal_compromise(0.2, Limits(entries))
    assert found.value == "moderate" and not found.verified


def test_an_error_known_later_renews_nearness() -> None:
    found = zone(11.0, MARKS, LIMITS)
    assert not found.near and with_error(found, 1.5).near and not with_error(found, 0.5).near
