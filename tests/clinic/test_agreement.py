from __future__ import annotations

from datetime import date
from typing import Any

from resorb.clinic.agreement import Comparison, compare
from resorb.clinic.imaging import ImagingFinding
from resorb.clinic.imaging_roots import imaging_opinion
from resorb.clinic.record import Visit
from resorb.clinic.roots import root_opinions
from tests.clinic.courses import DAY, reflex, sensation, sign, strength, visit

IMAGED = date(2024, 3, 25)
L5 = visit(strength=(strength("great_toe_extension", 4),), sensation=(sensation("L5"),))


def _compare(one: Visit, *findings: dict[str, Any], imaged: date = IMAGED) -> Comparison:
    images = [imaging_opinion(ImagingFinding(**f), imaged) for f in findings]
    return compare((one.date, root_opinions(one)), (imaged, images))


def _at(level: str, zone: str | None = "paracentral", side: str = "left") -> dict[str, Any]:
    return {"level": level, "zone": zone, "side": side}


def test_the_same_root_from_both_sides_agrees() -> None:
    found = _compare(L5, _at("L4/L5"))
    assert (found.verdict, found.days_apart, found.would_settle) == ("agree", 5, ())
    assert found.words == ("Findings on the left point to L5; the images to L4/L5: L5 left: they agree.",)


def test_one_of_the_alternatives_is_enough_and_the_rest_stays_open() -> None:
    found = _compare(visit(tests=(sign("straight_leg_raise"),)), _at("L5/S1"))
    assert found.verdict == "agree"
    assert any("hip abduction" in one.words for one in found.would_settle)


def test_one_of_two_roots_agrees_in_part() -> None:
    two = visit(strength=(strength("great_toe_extension", 4),), reflexes=(reflex("achilles", "absent"),))
    assert _compare(two, _at("L4/L5")).verdict == "partly"
    assert _compare(two, _at("L4/L5"), _at("L5/S1")).verdict == "agree"


def test_another_root_disagrees_and_something_would_settle_it() -> None:
    found = _compare(L5, _at("L2/L3"))
    assert found.verdict == "disagree"
    assert any("far-lateral" in one.words for one in found.would_settle)
    assert all(one.source for one in found.would_settle)


def test_the_right_root_on_the_wrong_side_is_a_swapped_side() -> None:
    found = _compare(L5, _at("L4/L5", side="right"))
    assert found.verdict == "other_side"
    assert "side marker" in found.would_settle[0].words


def test_without_a_zone_the_question_of_the_zone_stays_open() -> None:
    found = _compare(L5, _at("L4/L5", zone=None))
    assert found.verdict == "agree"
    assert any("in which zone" in one.words for one in found.would_settle)


def test_central_material_never_quite_disagrees() -> None:
    s1 = visit(strength=(strength("ankle_plantarflexion", 4),), reflexes=(reflex("achilles", "absent"),))
    assert _compare(s1, _at("L4/L5", zone="central", side="midline")).verdict == "partly"


def test_no_herniation_or_no_finding_is_not_a_disagreement() -> None:
    assert _compare(L5).verdict == "not_comparable"
    assert "no herniation" in _compare(L5).words[0]
    found = _compare(visit(strength=(strength("great_toe_extension", 5),)), _at("L4/L5"))
    assert found.verdict == "not_comparable"
    assert found.would_settle


def test_dates_far_apart_are_said_to_be() -> None:
    found = _compare(L5, _at("L4/L5"), imaged=date(2024, 9, 1))
    assert found.days_apart == (date(2024, 9, 1) - DAY).days
    assert "165 days apart" in found.words[-1]
