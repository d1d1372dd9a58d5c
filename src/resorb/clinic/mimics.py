"""What imitates a radiculopathy, named for the examiner to think of (`tables/mimics.toml`)."""

from __future__ import annotations

from collections.abc import Iterator

from resorb.clinic.base import SIDES, ClinicRecord, Side
from resorb.clinic.examination import Examination, Movement
from resorb.clinic.record import Visit
from resorb.clinic.symptoms import Pain
from resorb.clinic.tables import table

STRETCH = ("straight_leg_raise", "slump", "femoral_stretch")


class Mimic(ClinicRecord):
    """A condition to think of, with what suggests it and what would show it; never more than that."""

    id: str
    words: str
    side: Side | None
    because: str
    settle: str
    source: str


def mimics(visit: Visit, *, diabetes: bool = False) -> tuple[Mimic, ...]:
    """The mimics that the findings of a visit suggest, in the order of the table."""
    suggested = set(_suggested(visit, diabetes))
    return tuple(
        Mimic(
            id=row["id"],
            words=row["words"],
            side=side,
            because=row["because"],
            settle=row["settle"],
            source=row["source"],
        )
        for row in table("mimics")
        for side in (*SIDES, None)
        if (row["id"], side) in suggested
    )


def _suggested(visit: Visit, diabetes: bool) -> Iterator[tuple[str, Side | None]]:
    exam = visit.examination
    for side in SIDES:
        if _fibular(exam, side):
            yield "fibular_neuropathy", side
        if _hip(visit, side):
            yield "hip_disease", side
        if _femoral(exam, side, diabetes):
            yield "femoral_neuropathy", side
    pains = [pain for pain in visit.symptoms.pain or () if pain.site == "leg" and pain.nrs != 0]
    if exam.pedal_pulses_absent and any("walking" in pain.worse_with for pain in pains):
        yield "vascular_claudication", None
    if any(_claudication(pain) for pain in pains):
        yield "spinal_stenosis", None
    if upper_motor_neurone(exam):
        yield "upper_motor_neurone", None


def upper_motor_neurone(exam: Examination) -> tuple[str, ...]:
    """Signs that cannot come from a lumbar root, in words."""
    reflexes = [
        f"{r.reflex} reflex {r.grade}, {r.side}" for r in exam.reflexes if r.grade in ("brisk", "clonus")
    ]
    plantar = [
        f"extensor plantar response, {t.side}"
        for t in exam.tests
        if t.test == "plantar_response" and t.result == "positive"
    ]
    return tuple(reflexes + plantar)


def _weak(exam: Examination, side: Side, *movements: Movement) -> bool:
    return any((exam.mrc(movement, side) or 5) < 5 or exam.mrc(movement, side) == 0 for movement in movements)


def _strong(exam: Examination, side: Side, *movements: Movement) -> bool:
    return any(exam.mrc(movement, side) == 5 for movement in movements)


def _fibular(exam: Examination, side: Side) -> bool:
    if exam.result("fibular_tinel", side):
        return True
    spared = _strong(exam, side, "ankle_inversion", "hip_abduction")
    shared = _weak(exam, side, "ankle_inversion", "hip_abduction")
    return _weak(exam, side, "ankle_dorsiflexion", "great_toe_extension") and spared and not shared


def _hip(visit: Visit, side: Side) -> bool:
    exam = visit.examination
    groin = any(
        pain.side == side and pain.nrs != 0 and "groin" in pain.areas for pain in visit.symptoms.pain or ()
    )
    stretched = any(t.test in STRETCH and t.side == side and t.result == "positive" for t in exam.tests)
    return bool(exam.result("hip_rotation", side)) or (groin and not stretched)


def _femoral(exam: Examination, side: Side, diabetes: bool) -> bool:
    return _weak(exam, side, "knee_extension") and (diabetes or _strong(exam, side, "hip_adduction"))


def _claudication(pain: Pain) -> bool:
    provoked = {"walking", "standing"} & set(pain.worse_with)
    return bool(provoked) and bool({"sitting", "bending"} & set(pain.better_with))
