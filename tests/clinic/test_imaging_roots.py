from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from resorb.clinic.imaging import ImagingFinding
from resorb.clinic.imaging_roots import ImagingOpinion, imaging_opinion


def _opinion(**given: Any) -> ImagingOpinion:
    return imaging_opinion(ImagingFinding(**given), date(2024, 3, 25))


# Berra 2021, table 1: level, zone, root.
@pytest.mark.parametrize(
    ("level", "zone", "root"),
    [
        ("L2/L3", "paracentral", "L3"),
        ("L3/L4", "subarticular", "L4"),
        ("L4/L5", "paracentral", "L5"),
        ("L5/S1", "paracentral", "S1"),
        ("L3/L4", "foraminal", "L3"),
        ("L4/L5", "extraforaminal", "L4"),
        ("L5/S1", "foraminal", "L5"),
    ],
)
@pytest.mark.parametrize("side", ["left", "right"])
def test_zone_to_root(level: str, zone: str, root: str, side: str) -> None:
    opinion = _opinion(level=level, zone=zone, side=side)
    assert opinion.named == {(root, side)}
    assert opinion.missing == ()
    assert all(one.verified for one in opinion.roots)


def test_central_material_reaches_both_sides_and_the_cauda_equina() -> None:
    opinion = _opinion(level="L4/L5", zone="central", side="midline")
    assert opinion.named == {("L5", "left"), ("L5", "right")}
    assert opinion.cauda_equina
    assert opinion.words == "L5 left or L5 right or cauda equina"


def test_what_is_not_said_widens_the_candidates() -> None:
    opinion = _opinion(level="L4/L5", side="left")
    assert opinion.named == {("L4", "left"), ("L5", "left")}
    assert opinion.missing == ("zone",)
    assert not opinion.cauda_equina
    assert _opinion(level="L4/L5", zone="paracentral").named == {("L5", "left"), ("L5", "right")}


@pytest.mark.parametrize(
    ("height", "body", "roots"),
    [
        ("disc", None, {"L5"}),
        ("infrapedicle", "L4", {"L4", "L5"}),
        ("pedicle", "L4", {"L4", "L5"}),
        ("suprapedicle", "L5", {"L5"}),
        ("pedicle", "L5", {"L5"}),
        ("infrapedicle", "L5", {"L5", "S1"}),
        ("pedicle", "L2", {"L5"}),
    ],
)
def test_migration_adds_roots_and_takes_none(height: str, body: str | None, roots: set[str]) -> None:
    opinion = _opinion(
        level="L4/L5", zone="paracentral", side="left", height_level=height, height_vertebra=body
    )
    assert {one.root for one in opinion.roots} == roots


def test_transitional_levels_keep_the_names_of_their_vertebrae() -> None:
    assert _opinion(level="L6/S1", zone="foraminal", side="left").named == {("L6", "left")}
    assert _opinion(level="L5/L6", zone="paracentral", side="left").named == {("L6", "left")}
