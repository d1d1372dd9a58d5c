"""Pain and questionnaires: the latest entry against the earlier one that it is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from resorb.clinic.base import SIDES, Side
from resorb.clinic.record import Course
from resorb.clinic.scores import ScoreName
from resorb.clinic.story.clause import Clause, Datum, visits_by_date

Site = Literal["back", "leg"]
SCORE_NAMES: dict[ScoreName, str] = {
    "odi": "ODI",
    "rmdq": "RMDQ",
    "sciatica_bothersomeness": "Sciatica Bothersomeness",
    "sf36_physical_functioning": "SF-36 Physical Functioning",
    "sf36_bodily_pain": "SF-36 Bodily Pain",
}


@dataclass(frozen=True)
class Rating:
    """The pain of one place at one visit; `nrs` is None where it was there without a number, or was not listed."""

    nrs: float | None
    listed: bool
    datum: Datum

    @property
    def gone(self) -> bool:
        return self.nrs == 0


def pain_clauses(course: Course, site: Site) -> Iterator[Clause]:
    """How the pain of the back, or of each leg, stands when it was last asked about."""
    for side in SIDES if site == "leg" else (None,):
        ratings = list(_ratings(course, site, side))
        if any(rating.listed and not rating.gone for rating in ratings):
            yield _pain(f"{side} leg" if site == "leg" else "back", ratings)


def _ratings(course: Course, site: Site, side: Side | None) -> Iterator[Rating]:
    name = f"{site} pain" if side is None else f"{site} pain, {side}"
    for n, visit in visits_by_date(course):
        if (pains := visit.symptoms.pain) is None:
            continue
        here = [(m, p) for m, p in enumerate(pains) if p.site == site and side in (None, p.side)]
        where = ("visits", n, "symptoms", "pain")
        rated = [(m, p.nrs) for m, p in here if p.nrs is not None]
        if rated:
            m, nrs = max(rated, key=lambda one: one[1])
            datum = Datum(date=visit.date, field=name, value=f"NRS {nrs:g}", where=(*where, m, "nrs"))
            yield Rating(nrs, True, datum)
        elif here:
            datum = Datum(date=visit.date, field=name, value="no rating", where=(*where, here[0][0]))
            yield Rating(None, True, datum)
        else:
            value = "not listed" if pains else "asked, and none"
            datum = Datum(date=visit.date, field=name, value=value, where=where)
            yield Rating(None if pains else 0.0, False, datum)


def _pain(place: str, ratings: list[Rating]) -> Clause:
    last = ratings[-1]
    worst = max((r for r in ratings[:-1] if r.nrs), key=lambda r: r.nrs or 0.0, default=None)
    was = "" if worst is None else f", {worst.datum.value} on {worst.datum.date}"
    if last.gone:
        words = f"{place} pain is gone ({last.datum.value} on {last.datum.date}{was})"
    elif not last.listed:
        words = f"{place} pain is not listed on {last.datum.date}{was and f' ({was[2:]})'}"
    elif last.nrs is None:
        words = f"{place} pain is there on {last.datum.date}, without a rating{was and f' ({was[2:]})'}"
    else:
        words = f"{place} pain is rated {last.nrs:g} of 10 on {last.datum.date}{was and f' ({was[2:]})'}"
    data = (last.datum,) if worst is None else (last.datum, worst.datum)
    return Clause(topic="pain", words=words, data=data)


def score_clauses(course: Course) -> Iterator[Clause]:
    """Each questionnaire: the latest score, and the first."""
    for name, words in SCORE_NAMES.items():
        found = []
        for n, visit in visits_by_date(course):
            score = next((one for one in visit.scores.all() if one.name == name), None)
            if score is not None and score.value is not None:
                value = f"{round(score.value, 1):g} of {score.high:g}"
                datum = Datum(date=visit.date, field=words, value=value, where=("visits", n, "scores", name))
                found.append((datum, score.better))
        if found:
            (last, better), (first, _) = found[-1], found[0]
            was = f", {first.value} on {first.date}" if len(found) > 1 else ""
            text = f"{words} {last.value} on {last.date}{was} ({better} is good)"
            data = (last, first) if len(found) > 1 else (last,)
            yield Clause(topic="score", words=text, data=data)
