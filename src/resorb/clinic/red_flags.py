"""Findings that must not wait. No score, image or other finding softens them, and their absence excludes nothing.

Cauda equina signs are specific rather than sensitive (Dionne 2019): any one is a same-day emergency, without a
countdown, since the evidence on timing is contested.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from resorb.clinic.base import SIDES, ClinicRecord, Location
from resorb.clinic.examination import Examination
from resorb.clinic.mimics import upper_motor_neurone
from resorb.clinic.record import Course, Visit
from resorb.clinic.symptoms import Symptoms
from resorb.clinic.tables import table, verified

Urgency = Literal["same_day_emergency", "urgent", "prompt"]
Found = tuple[str, str, Location]
#: Above this, urine left in the bladder counts as a cauda equina sign (Orthop Proc 2022: sensitivity 64 %).
RESIDUAL_ML = 100.0
#: Grade 3 or less is severe in the cohorts that studied it (Dubourg 2002).
SEVERE_MRC = 3
#: From this age minor trauma is enough to think of a fracture (from memory, unverified).
FRACTURE_AGE_YEARS = 70
SAFETY_NET = (
    "That a red flag is not recorded does not mean that there is none: the sensitivity of single signs of cauda equina "
    "syndrome is 0.19 to 0.43 (Dionne 2019). New numbness between the legs, trouble passing or holding urine or "
    "stool, loss of sexual function, weakness that grows, or pain in both legs: go to an emergency department the "
    "same day."
)
#: What has to be asked and examined before anybody can say that no cauda equina sign was found.
QUESTIONS = ("bladder", "bowel", "saddle_sensation", "sexual_function")


class RedFlag(ClinicRecord):
    """One red flag.

    Attributes:
        finding: what was recorded.
        where: its place in the record.
        date: of the visit; None for what is true of the whole course.
        latest: it was recorded at the last visit, or holds throughout. An earlier one stays in force until
            somebody has acted on it.
        verified: a published source that was read names the sign; the action stands either way.
    """

    id: str
    group: str
    urgency: Urgency
    words: str
    finding: str
    action: str
    source: str
    verified: bool
    date: date | None
    latest: bool
    where: Location


def red_flags(course: Course) -> tuple[RedFlag, ...]:
    """Every red flag of a course: the gravest first, then those of the last visit, then the newest."""
    order = sorted(range(len(course.visits)), key=lambda n: course.visits[n].date)
    last = course.visits[order[-1]].date if order else None
    found: list[tuple[Found, date | None]] = [(one, None) for one in _of_course(course)]
    for place, n in enumerate(order):
        visit = course.visits[n]
        earlier = [course.visits[m] for m in order[:place]]
        found += [(one, visit.date) for one in _of_visit(visit, ("visits", n))]
        found += [(one, visit.date) for one in _progressive(visit, earlier, ("visits", n))]
    rows = {row["id"]: (rank, row) for rank, row in enumerate(table("red_flags"))}
    flags = [
        RedFlag(
            **{key: rows[name][1][key] for key in ("id", "group", "urgency", "words", "action", "source")},
            finding=finding,
            verified=verified(rows[name][1]),
            date=day,
            latest=day in (None, last),
            where=where,
        )
        for (name, finding, where), day in found
    ]
    return tuple(
        sorted(
            flags,
            key=lambda f: (_RANK[f.urgency], not f.latest, -(f.date or date.max).toordinal(), rows[f.id][0]),
        )
    )


def not_asked(visit: Visit) -> tuple[str, ...]:
    """The cauda equina questions and tests that a visit does not answer."""
    symptoms = visit.symptoms.model_dump()
    missing = [name for name in QUESTIONS if symptoms[name] is None]
    if visit.examination.perianal_sensation is None:
        missing.append("perianal_sensation")
    return tuple(missing)


_RANK: dict[Urgency, int] = {"same_day_emergency": 0, "urgent": 1, "prompt": 2}


def _of_course(course: Course) -> Iterator[Found]:
    history, onset = course.patient.history, course.onset
    at: Location = ("patient", "history")
    if history.cancer:
        yield "cancer", "history of cancer", (*at, "cancer")
    for name in ("immunosuppression", "intravenous_drug_use", "recent_infection"):
        if getattr(history, name):
            yield "infection_risk", name.replace("_", " "), (*at, name)
    fragile = (
        history.osteoporosis
        or history.long_term_corticosteroids
        or (course.patient.age_years or 0) >= FRACTURE_AGE_YEARS
    )
    if onset.trauma == "major" or (onset.trauma == "minor" and fragile):
        yield "trauma", f"{onset.trauma} trauma at the onset", ("onset", "trauma")


def _of_visit(visit: Visit, at: Location) -> Iterator[Found]:
    yield from _symptoms(visit.symptoms, (*at, "symptoms"))
    yield from _examination(visit.examination, (*at, "examination"))


def _symptoms(symptoms: Symptoms, at: Location) -> Iterator[Found]:
    if symptoms.bladder not in (None, "normal"):
        yield "bladder", f"bladder: {symptoms.bladder}", (*at, "bladder")
    if symptoms.bowel in ("altered", "incontinence"):
        yield "bowel", f"bowel: {symptoms.bowel}", (*at, "bowel")
    if symptoms.saddle_sensation not in (None, "normal"):
        yield "saddle", f"saddle sensation {symptoms.saddle_sensation}", (*at, "saddle_sensation")
    if symptoms.sexual_function not in (None, "normal"):
        yield "sexual", f"sexual function {symptoms.sexual_function}", (*at, "sexual_function")
    legs = {pain.side for pain in symptoms.pain or () if pain.site == "leg" and pain.nrs != 0}
    if len(legs) == len(SIDES):
        yield "bilateral_pain", "pain in both legs", (*at, "pain")
    if {felt.side for felt in symptoms.paresthesias or ()} == set(SIDES):
        yield "bilateral_sensation", "tingling or numbness in both legs", (*at, "paresthesias")
    if symptoms.pain_unmanageable:
        yield "pain", "pain that treatment does not reach", (*at, "pain_unmanageable")
    if symptoms.weakness_progressing:
        yield "progressive", "weakness reported to be growing", (*at, "weakness_progressing")
    if symptoms.fever:
        yield "fever", "fever", (*at, "fever")
    if symptoms.unexplained_weight_loss:
        yield "weight_loss", "unexplained weight loss", (*at, "unexplained_weight_loss")
    if symptoms.night_pain:
        yield "night_pain", "pain at night or at rest", (*at, "night_pain")


def _examination(exam: Examination, at: Location) -> Iterator[Found]:
    if exam.perianal_sensation not in (None, "normal"):
        yield "perianal", f"perianal sensation {exam.perianal_sensation}", (*at, "perianal_sensation")
    for n, sensation in enumerate(exam.sensation):
        if sensation.impaired and sensation.dermatome in ("S3", "S4", "S5"):
            words = f"sensation impaired in {sensation.dermatome}, {sensation.side}"
            yield "perianal", words, (*at, "sensation", n)
    if exam.rectal_tone not in (None, "normal"):
        yield "rectal_tone", f"rectal tone {exam.rectal_tone}", (*at, "rectal_tone")
    if (exam.post_void_residual_ml or 0) > RESIDUAL_ML:
        words = f"post-void residual {exam.post_void_residual_ml:g} ml"
        yield "residual", words, (*at, "post_void_residual_ml")
    weak = [(n, s) for n, s in enumerate(exam.strength) if s.mrc < 5]
    if {s.side for _, s in weak} == set(SIDES):
        yield "bilateral_weakness", "weakness in both legs", (*at, "strength")
    for n, strength in weak:
        if strength.mrc <= SEVERE_MRC:
            words = f"{strength.movement.replace('_', ' ')} MRC {strength.mrc}, {strength.side}"
            yield "severe", words, (*at, "strength", n)
    if {s.side for s in exam.sensation if s.impaired} == set(SIDES):
        yield "bilateral_sensation", "sensory loss in both legs", (*at, "sensation")
    if signs := upper_motor_neurone(exam):
        yield "cord", "; ".join(signs), (*at, "reflexes")
    if exam.spinal_tenderness:
        yield "tenderness", "a spinous process is tender to percussion", (*at, "spinal_tenderness")


def _progressive(visit: Visit, earlier: list[Visit], at: Location) -> Iterator[Found]:
    """A movement that is weaker than when it was last graded."""
    for n, strength in enumerate(visit.examination.strength):
        last = next(
            (
                (before.date, grade)
                for before in reversed(earlier)
                if (grade := before.examination.mrc(strength.movement, strength.side)) is not None
            ),
            None,
        )
        if last is not None and strength.mrc < last[1]:
            day, grade = last
            words = f"{strength.movement.replace('_', ' ')}, {strength.side}: MRC {grade} on {day}, now {strength.mrc}"
            yield "progressive", words, (*at, "examination", "strength", n)
