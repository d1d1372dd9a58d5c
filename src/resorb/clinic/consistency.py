"""What in a record cannot be, or contradicts itself or the images; each with the part of the record it stands in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import combinations
from typing import Literal

from resorb.clinic.base import ClinicRecord, Location, Side
from resorb.clinic.changes import Followed
from resorb.clinic.examination import Examination
from resorb.clinic.imaging import ImagingFinding
from resorb.clinic.record import Course, Visit
from resorb.clinic.roots import OTHER, pointers
from resorb.clinic.scores import Questionnaire
from resorb.clinic.treatment import Injection, OpioidTreatment, Surgery, Treatment

#: A reported total may be rounded to a whole number.
ROUNDING = 0.5


class Contradiction(ClinicRecord):
    """Something that cannot be right as it stands.

    Attributes:
        kind: impossible (no reading of it can be true), contradiction (two parts cannot both be true), doubt (can
            be true, but is more often a slip).
        where: the part of the record; `line` is its line in the file, None without a file.
    """

    kind: Literal["impossible", "contradiction", "doubt"]
    words: str
    where: Location
    line: int | None = None


def contradictions(
    course: Course,
    findings: Sequence[tuple[int, Sequence[ImagingFinding]]] = (),
    followed: Sequence[Followed] = (),
) -> tuple[Contradiction, ...]:
    """Everything in a course that cannot be right, in the order of the record.

    Args:
        findings: of each study, by its position; those of a stored reading beside those of a report.
        followed: herniations of the stored comparisons.
    """
    return (
        *_dates(course),
        *(one for n, visit in enumerate(course.visits) for one in _visit(visit, ("visits", n))),
        *_sides_over_time(course),
        *(one for n, t in enumerate(course.treatments) for one in _treatment(t, n, course.onset.date)),
        *_against_images(course, _with_followed(findings, followed)),
        *_comparisons(followed),
    )


def _dates(course: Course) -> Iterator[Contradiction]:
    onset, leg = course.onset.date, course.onset.leg_symptoms_date
    if leg is not None and leg < onset:
        words = f"leg symptoms began on {leg}, before the onset on {onset}"
        yield Contradiction(kind="impossible", words=words, where=("onset", "leg_symptoms_date"))
    met: dict[date, int] = {}
    for n, visit in enumerate(course.visits):
        if visit.date < onset:
            words = f"the visit on {visit.date} lies before the onset on {onset}"
            yield Contradiction(kind="impossible", words=words, where=("visits", n, "date"))
        if visit.date in met:
            words = f"two visits bear the date {visit.date}"
            yield Contradiction(kind="doubt", words=words, where=("visits", n, "date"))
        met[visit.date] = n
    for n, study in enumerate(course.studies):
        if study.date < onset:
            words = f"the study on {study.date} lies before the onset on {onset}: earlier imaging, or a wrong date?"
            yield Contradiction(kind="doubt", words=words, where=("studies", n, "date"))


def _visit(visit: Visit, at: Location) -> Iterator[Contradiction]:
    exam, symptoms = visit.examination, visit.symptoms
    yield from _twice(exam, (*at, "examination"))
    yield from _crossed(visit, at)
    if symptoms.saddle_sensation == "normal" and exam.perianal_sensation in ("reduced", "absent"):
        words = "saddle sensation is reported normal, yet perianal sensation was found impaired: the finding counts"
        yield Contradiction(
            kind="contradiction", words=words, where=(*at, "examination", "perianal_sensation")
        )
    for name in type(visit.scores).model_fields:
        given: Questionnaire | None = getattr(visit.scores, name)
        if given is None or given.total is None:
            continue
        score = given.score()
        if not score.stated and score.value is not None and abs(score.value - given.total) > ROUNDING:
            words = f"{name} is given as {given.total:g}, but the answers make {score.value:.1f}"
            yield Contradiction(kind="contradiction", words=words, where=(*at, "scores", name, "total"))


def _twice(exam: Examination, at: Location) -> Iterator[Contradiction]:
    """The same thing examined twice on one date, with two results."""
    listed: dict[str, list[tuple[str, object]]] = {
        "strength": [(f"{s.movement} {s.side}", s.mrc) for s in exam.strength],
        "reflexes": [(f"{r.reflex} reflex {r.side}", r.grade) for r in exam.reflexes],
        "sensation": [
            (f"sensation {s.dermatome} {s.side}", (s.light_touch, s.pinprick)) for s in exam.sensation
        ],
        "tests": [(f"{t.test} {t.side}", t.result) for t in exam.tests],
    }
    for part, entries in listed.items():
        for (_, (name, first)), (n, (other, second)) in combinations(enumerate(entries), 2):
            if name == other and first != second:
                words = f"{name.replace('_', ' ')} is given twice, with different results"
                yield Contradiction(kind="contradiction", words=words, where=(*at, part, n))


def _crossed(visit: Visit, at: Location) -> Iterator[Contradiction]:
    """A crossed test is done on the leg that does not hurt."""
    painful = _painful(visit)
    for n, test in enumerate(visit.examination.tests):
        if test.test.startswith("crossed") and test.result == "positive" and painful == {test.side}:
            words = (
                f"{test.test.replace('_', ' ')} positive on the {test.side}, the painful leg: its side is that of "
                "the leg raised, which is the one without pain"
            )
            yield Contradiction(kind="doubt", words=words, where=(*at, "examination", "tests", n))


def _sides_over_time(course: Course) -> Iterator[Contradiction]:
    """Pain in one leg that is in the other leg at the next visit that has any."""
    before: tuple[date, set[Side]] | None = None
    for n, visit in sorted(enumerate(course.visits), key=lambda item: item[1].date):
        painful = _painful(visit)
        if before and len(painful) == len(before[1]) == 1 and painful != before[1]:
            was = f"{_name(before[1])} on {before[0]}"
            words = f"leg pain is on the {_name(painful)} on {visit.date}, and was on the {was}"
            yield Contradiction(kind="doubt", words=words, where=("visits", n, "symptoms", "pain"))
        before = (visit.date, painful) if painful else before


def _treatment(treatment: Treatment, n: int, onset: date) -> Iterator[Contradiction]:
    at: Location = ("treatments", n)
    if not isinstance(treatment, Surgery | Injection) and treatment.start < onset:
        words = f"{treatment.kind} starts on {treatment.start}, before the onset on {onset}"
        yield Contradiction(kind="doubt", words=words, where=(*at, "start"))
    if not isinstance(treatment, OpioidTreatment):
        return
    for m, dose in enumerate(treatment.doses):
        last = dose.end or treatment.end
        if dose.start < treatment.start or (treatment.end and last and last > treatment.end):
            words = f"a dose of {treatment.drug} lies outside the treatment's own dates"
            yield Contradiction(kind="contradiction", words=words, where=(*at, "doses", m))
    for (_, one), (m, two) in combinations(enumerate(treatment.doses), 2):
        if one.start <= (two.end or date.max) and two.start <= (one.end or date.max):
            words = f"two doses of {treatment.drug} overlap, and are added up on the days that they share"
            yield Contradiction(kind="doubt", words=words, where=(*at, "doses", m))


def _against_images(
    course: Course, findings: Sequence[tuple[int, Sequence[ImagingFinding]]]
) -> Iterator[Contradiction]:
    """Sides and levels that the images give otherwise than the patient, or a report otherwise than a reading."""
    affected = Counter(p.side for visit in course.visits for p in pointers(visit))
    for visit in course.visits:
        affected.update(_painful(visit))
        affected.update(felt.side for felt in visit.symptoms.paresthesias or ())
    sides: set[Side] = set(affected)
    for n, found in findings:
        imaged = {f.side for f in found if f.zone != "central"}
        if len(sides) == 1 and imaged == {OTHER[next(iter(sides))]}:
            words = (
                f"every symptom and sign is on the {_name(sides)}, every herniation of the images on the "
                f"{_name(imaged)}: one of them may be swapped"
            )
            yield Contradiction(kind="contradiction", words=words, where=("studies", n))
        given: dict[tuple[str, str], set[str | None]] = {}
        for f in found:
            given.setdefault((f.level, f.source), set()).add(f.side)
        for ((level, source), one), ((other, second), two) in combinations(given.items(), 2):
            if level == other and len(one) == len(two) == 1 and one | two == {"left", "right"}:
                words = (
                    f"{level} is herniated to the {_name(one)} by {source}, to the {_name(two)} by {second}"
                )
                yield Contradiction(kind="contradiction", words=words, where=("studies", n))


def _with_followed(
    findings: Sequence[tuple[int, Sequence[ImagingFinding]]], followed: Sequence[Followed]
) -> list[tuple[int, Sequence[ImagingFinding]]]:
    """The findings with those of the comparisons, each at its study."""
    found = {n: list(given) for n, given in findings}
    for one in followed:
        for n, there in zip(one.studies, one.found, strict=True):
            if n is not None and there:
                source = f"comparison {one.number + 1}"
                side = one.side if one.side in ("left", "right", "midline") else None
                finding = ImagingFinding.model_validate({"level": one.level, "side": side, "source": source})
                found.setdefault(n, []).append(finding)
    return list(found.items())


def _comparisons(followed: Sequence[Followed]) -> Iterator[Contradiction]:
    """Dates and treatments that a comparison has otherwise than the record."""
    for one in {one.number: one for one in followed}.values():
        for n, (study, day) in enumerate(zip(one.studies, one.days, strict=True), start=1):
            if study is None:
                words = f"the comparison has images of {day or f'an unknown day (its date {n})'}, the record has none"
                yield Contradiction(kind="contradiction", words=words, where=one.where)
    for one in followed:
        if one.untold:
            words = (
                f"the record has {one.level} {one.listed} between the images, the comparison was made with "
                f"“{one.told}”: compare again with what was done"
            )
            yield Contradiction(kind="contradiction", words=words, where=one.where)
        elif one.unlisted:
            words = (
                f"the comparison was made with {one.level} {one.told} between the images; the record lists nothing "
                "of the kind"
            )
            yield Contradiction(kind="contradiction", words=words, where=one.where)


def _painful(visit: Visit) -> set[Side]:
    pains = visit.symptoms.pain or ()
    return {pain.side for pain in pains if pain.side is not None and pain.site == "leg" and pain.nrs != 0}


def _name(sides: Collection[str | None]) -> str:
    return str(next(iter(sides)))
