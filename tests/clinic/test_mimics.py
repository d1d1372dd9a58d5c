from __future__ import annotations

from typing import Any

import pytest

from resorb.clinic.mimics import mimics
from resorb.clinic.record import Visit
from tests.clinic.courses import leg_pain, reflex, sign, strength, visit


def _ids(one: Visit, **given: Any) -> list[tuple[str, str | None]]:
    return [(mimic.id, mimic.side) for mimic in mimics(one, **given)]


WEAK_FOOT = (strength("ankle_dorsiflexion", 3), strength("great_toe_extension", 3))


def test_a_spared_muscle_of_the_same_root_points_to_the_nerve() -> None:
    for spared in ("ankle_inversion", "hip_abduction"):
        one = visit(strength=(*WEAK_FOOT, strength(spared, 5)))
        assert _ids(one) == [("fibular_neuropathy", "left")]


def test_l5_weakness_beyond_the_nerve_is_no_fibular_neuropathy() -> None:
    assert _ids(visit(strength=WEAK_FOOT)) == []
    shared = (*WEAK_FOOT, strength("ankle_inversion", 5), strength("hip_abduction", 4))
    assert _ids(visit(strength=shared)) == []
    paralysed = (strength("ankle_dorsiflexion", 0), strength("hip_abduction", 5))
    assert _ids(visit(strength=paralysed)) == [("fibular_neuropathy", "left")]


def test_the_hip_by_its_rotation_or_by_the_groin() -> None:
    assert _ids(visit(tests=(sign("hip_rotation", "right"),))) == [("hip_disease", "right")]
    groin = {"pain": (leg_pain("groin"),)}
    assert _ids(visit(groin)) == [("hip_disease", "left")]
    assert _ids(visit(groin, tests=(sign("femoral_stretch"),))) == []
    assert _ids(visit({"pain": (leg_pain("groin", nrs=0),)})) == []


def test_the_femoral_nerve_by_strong_adductors_or_diabetes() -> None:
    weak = (strength("knee_extension", 3),)
    assert _ids(visit(strength=weak)) == []
    assert _ids(visit(strength=weak), diabetes=True) == [("femoral_neuropathy", "left")]
    spared = (*weak, strength("hip_adduction", 5))
    assert _ids(visit(strength=spared)) == [("femoral_neuropathy", "left")]


def test_claudication_of_either_kind() -> None:
    walking = {"pain": (leg_pain("posterior_leg", worse_with=("walking",)),)}
    assert _ids(visit(walking, pedal_pulses_absent=True)) == [("vascular_claudication", None)]
    assert _ids(visit(walking)) == []
    bent = {"pain": (leg_pain("buttock", worse_with=("standing",), better_with=("bending",)),)}
    assert _ids(visit(bent)) == [("spinal_stenosis", None)]


@pytest.mark.parametrize(
    "found",
    [
        {"reflexes": (reflex("patellar", "brisk"),)},
        {"reflexes": (reflex("achilles", "clonus"),)},
        {"tests": (sign("plantar_response"),)},
    ],
)
def test_signs_above_the_lumbar_roots(found: dict[str, Any]) -> None:
    assert _ids(visit(**found)) == [("upper_motor_neurone", None)]


def test_each_says_what_suggests_it_and_what_would_show_it() -> None:
    (mimic,) = mimics(visit(tests=(sign("hip_rotation"),)))
    assert mimic.because and mimic.settle and mimic.source
