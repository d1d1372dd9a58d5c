from __future__ import annotations

import pytest

from resorb.clinic.record import Visit
from resorb.clinic.roots import CAUTION, RootOpinion, pointers, root_opinions, say
from resorb.clinic.symptoms import Paresthesias
from tests.clinic.courses import leg_pain, reflex, sensation, sign, strength, visit


def _only(one: Visit) -> RootOpinion:
    (opinion,) = root_opinions(one)
    return opinion


def test_nothing_found_points_nowhere() -> None:
    assert root_opinions(visit(strength=(strength("great_toe_extension", 5),))) == ()


def test_one_sign_does_not_tell_l5_from_s1() -> None:
    opinion = _only(visit(strength=(strength("great_toe_extension", 4),)))
    assert opinion.words == "L5 or S1"
    assert opinion.alternatives == (("L5",), ("S1",))


def test_two_distinguishing_findings_name_one_root() -> None:
    opinion = _only(visit(strength=(strength("great_toe_extension", 4),), sensation=(sensation("L5"),)))
    assert opinion.words == "L5"
    assert any("1.74 (1.04-2.93)" in line for line in opinion.judgement)
    assert opinion.caution == CAUTION


def test_findings_of_two_roots_give_both() -> None:
    opinion = _only(
        visit(strength=(strength("great_toe_extension", 4),), reflexes=(reflex("achilles", "absent"),))
    )
    assert opinion.alternatives == (("L5", "S1"),)
    assert opinion.words == "L5 and S1"


def test_shared_findings_leave_both_roots_open() -> None:
    opinion = _only(
        visit(strength=(strength("knee_extension", 4),), reflexes=(reflex("patellar", "reduced"),))
    )
    assert opinion.words == "L3 or L4"


def test_a_stretch_test_does_not_add_a_root() -> None:
    found = (strength("knee_extension", 4), strength("ankle_dorsiflexion", 4))
    opinion = _only(visit(strength=found, tests=(sign("straight_leg_raise"),)))
    assert opinion.words == "L4"
    assert opinion.not_excluded == ("L3", "L5")


def test_crossed_tests_count_for_the_other_leg() -> None:
    (pointer,) = pointers(visit(tests=(sign("crossed_straight_leg_raise", "right"),)))
    assert pointer.side == "left"
    assert set(pointer.roots) == {"L5", "S1"}
    assert "LR+ 2.8" in pointer.accuracy


def test_reflexes_absent_alike_on_both_sides_are_shown_and_not_used() -> None:
    found = tuple(
        pointers(visit(reflexes=(reflex("achilles", "absent"), reflex("achilles", "absent", "right"))))
    )
    assert len(found) == 2
    assert not any(pointer.used for pointer in found)
    differing = visit(reflexes=(reflex("achilles", "absent"), reflex("achilles", "reduced", "right")))
    assert all(pointer.used for pointer in pointers(differing))


def test_unverified_rows_are_shown_and_decide_nothing() -> None:
    opinion = _only(visit(strength=(strength("knee_flexion", 3), strength("hip_extension", 3))))
    assert opinion.alternatives == ()
    assert opinion.words == "no root"
    assert [pointer.unused for pointer in opinion.pointers] == [
        "the roots of this finding are from memory, unverified"
    ] * 2


def test_pain_that_has_gone_points_nowhere() -> None:
    assert root_opinions(visit({"pain": (leg_pain("posterolateral_leg", nrs=0),)})) == ()
    assert root_opinions(visit({"pain": (leg_pain("posterolateral_leg", nrs=1),)})) != ()


def test_pain_alone_never_proves_two_roots() -> None:
    opinion = _only(visit({"pain": (leg_pain("posterolateral_leg", "posterior_leg"),)}))
    assert opinion.words == "L5 or S1"


def test_normal_findings_are_listed_and_exclude_nothing() -> None:
    opinion = _only(
        visit(
            strength=(strength("great_toe_extension", 4), strength("hip_abduction", 5)),
            sensation=(sensation("L5"), sensation("S1", "normal")),
            tests=(sign("straight_leg_raise", result="negative"),),
        )
    )
    assert opinion.words == "L5"
    assert opinion.expected_but_normal == ("hip abduction MRC 5", "straight leg raise negative")


def test_each_side_has_its_own_opinion() -> None:
    felt = {"paresthesias": (Paresthesias(side="right", areas=("medial_foot",)),)}
    both = root_opinions(visit(felt, sensation=(sensation("L5"), sensation("S1"))))
    assert [(one.side, one.words) for one in both] == [("left", "L5 and S1"), ("right", "L4")]


def test_every_pointer_says_where_it_stands_and_how_accurate_it_is() -> None:
    one = visit(
        {"pain": (leg_pain("plantar_foot"),)},
        strength=(strength("ankle_plantarflexion", 4),),
        reflexes=(reflex("achilles", "absent"),),
        sensation=(sensation("S1"),),
        tests=(sign("slump"),),
    )
    for pointer in pointers(one):
        assert pointer.accuracy and pointer.source
        part: object = one.model_dump()
        for step in pointer.where:
            part = part[step]  # type: ignore[index]
        assert part


@pytest.mark.parametrize(
    ("alternatives", "words"),
    [
        ((), "no root"),
        ((("L5",),), "L5"),
        ((("L5",), ("S1",)), "L5 or S1"),
        ((("L3", "L5"), ("L4", "L5")), "L3 and L5, or L4 and L5"),
    ],
)
def test_alternatives_in_words(alternatives: tuple[tuple[str, ...], ...], words: str) -> None:
    assert say(alternatives) == words
