"""What the images say, in the words of their reports and readings; never more, and never as recovery.

No word for a change is used on the strength of one date. Two readings that were measured separately support one only
where their 95 % intervals lie apart; what became of the herniation is for a comparison of the dates to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from resorb.clinic.changes import Followed
from resorb.clinic.imaging import ImagingFinding, ImagingStudy, findings_of
from resorb.clinic.record import Course
from resorb.clinic.story.clause import Clause, Datum, listed
from resorb.clinic.treatment import Surgery
from resorb.reading import DiscReading, Quantity, Reading

Readings = Mapping[int, Reading]
#: Stands beside every sentence on images.
NOT_RECOVERY = (
    "What an MRI shows does not tell who has recovered: at 1 year a herniation was still visible in 35 % of those "
    "with a favourable and in 33 % of those with an unfavourable outcome (AUC 0.48, el Barzouhi 2013)."
)
MODALITIES = {"MR": "MRI", "CT": "CT", "XR": "X-ray", "other": "imaging"}
#: Morphologies that a report may name without calling the disc herniated: a bulge is none (combined task force v2.0).
NOT_HERNIATED = ("none", "bulge")


def studies_by_date(course: Course) -> list[tuple[int, ImagingStudy]]:
    """(position in the record, study), in order of date."""
    return sorted(enumerate(course.studies), key=lambda item: item[1].date)


def report_clauses(course: Course) -> Iterator[Clause]:
    """What each report describes, in order of date."""
    for n, study in studies_by_date(course):
        if study.findings is not None:
            what = listed(map(finding_words, study.findings)) if study.findings else "no herniation"
            words = f"the {MODALITIES[study.modality]} report of {study.date} describes {what}"
            where = ("studies", n, "findings")
            datum = Datum(date=study.date, field="imaging report", value=what, where=where)
            yield Clause(topic="imaging", words=words, data=(datum,))


def reading_clauses(
    course: Course, readings: Readings, followed: Sequence[Followed] = (), *, ends: bool = False
) -> Iterator[Clause]:
    """The volume of disc material at each level of interest on each date that was read, in order of date.

    Args:
        followed: what was compared; the words for a difference are then those of the comparison.
        ends: of each level the first and the last date only.
    """
    compared = {one.level for one in followed}
    for level in levels_of_interest(course, readings):
        volumes = list(_volumes(course, readings, level))
        volumes = [volumes[0], volumes[-1]] if ends and len(volumes) > 2 else volumes
        for disc, datum in volumes:
            words = f"resorb read {_material(disc)} at {level} on {datum.date}: {datum.value}"
            yield Clause(topic="imaging", words=words, data=(datum,))
        for (one, first), (two, second) in pairwise(volumes) if level not in compared else ():
            if word := difference(one.volume_mm3, two.volume_mm3):
                words = f"at {level} the measured volume is {word} on {second.date} than on {first.date}"
                yield Clause(topic="imaging", words=words, data=(second, first))


def levels_of_interest(course: Course, readings: Readings) -> tuple[str, ...]:
    """Levels that a report or a reading calls herniated, at any date."""
    reported = [
        f.level for s in course.studies for f in s.findings or () if f.morphology not in NOT_HERNIATED
    ]
    found = [f.level for n in sorted(readings) for f in findings_of(readings[n])]
    return tuple(dict.fromkeys([*reported, *found]))


def difference(one: Quantity, two: Quantity) -> str:
    """`smaller` or `larger` where the 95 % intervals lie apart; empty where no such word is supported."""
    bounds = (one.low, one.high, two.low, two.high)
    if one.value is None or two.value is None or None in bounds:
        return ""
    low_1, high_1, low_2, high_2 = (float(bound or 0.0) for bound in bounds)
    return "smaller" if high_2 < low_1 else "larger" if low_2 > high_1 else ""


def not_compared(course: Course, readings: Readings, followed: Sequence[Followed] = ()) -> tuple[str, ...]:
    """What was not compared, plainly; empty where there is one study or none, or every one was compared."""
    if len(course.studies) < 2:
        return ()
    if followed:
        inside = {n for one in followed for n in one.studies}
        outside = [str(study.date) for n, study in studies_by_date(course) if n not in inside]
        if not outside:
            return ()
        return (
            f"Not part of a comparison: the images of {listed(outside)}. What they show is not compared.",
        )
    said = []
    if len(readings) < 2:
        said.append(
            f"The images were not compared: resorb has read {len(readings)} of the {len(course.studies)} studies "
            "(no stored reading is named for the others). No change of the herniation is claimed or excluded here."
        )
    else:
        said.append(
            f"resorb has read {len(readings)} of the {len(course.studies)} studies, each for itself and not against "
            "one reference surface: “smaller” and “larger” mean that two 95 % intervals lie apart, and nothing more."
        )
        said += _open_differences(course, readings)
    return tuple(said)


def disagreements(course: Course, readings: Readings, followed: Sequence[Followed] = ()) -> tuple[str, ...]:
    """Levels that a report calls herniated and the reading of the same study does not, or the other way round."""
    said = list(_against_comparison(course, readings, followed))
    for n, study in studies_by_date(course):
        if study.findings is None or n not in readings:
            continue
        reported = {f.level for f in study.findings if f.morphology not in NOT_HERNIATED}
        found = {f.level for f in findings_of(readings[n])}
        measured = {disc.level for disc in readings[n].discs if disc.volume_mm3.value is not None}
        missed = [level for level in sorted(reported - found) if level in measured]
        said += [
            f"{study.date}, {level}: the report describes a herniation, resorb read no focal displaced disc material. "
            "The report stands; look at the outlines of the reading."
            for level in missed
        ]
        said += [
            f"{study.date}, {level}: resorb read focal displaced disc material that the report does not describe. "
            "The report stands; look at the outlines of the reading."
            for level in sorted(found - reported)
        ]
    return tuple(said)


def _against_comparison(course: Course, readings: Readings, followed: Sequence[Followed]) -> Iterator[str]:
    """The same of a comparison, where no reading of the study says it already."""
    for one in followed:
        for n, found in zip(one.studies, one.found, strict=True):
            study = None if n is None or n in readings else course.studies[n]
            if study is None or study.findings is None:
                continue
            reported = any(f.level == one.level and f.morphology not in NOT_HERNIATED for f in study.findings)
            if reported != found:
                says, finds = ("a", "no") if reported else ("no", "a")
                yield (
                    f"{study.date}, {one.level}: the report describes {says} herniation, the comparison found {finds} "
                    "herniation. The report stands; look at the outlines of the comparison."
                )


def surgery_clauses(course: Course) -> Iterator[Clause]:
    """Operations: after one, a difference between images is no resorption."""
    for n, treatment in enumerate(course.treatments):
        if isinstance(treatment, Surgery):
            value = f"{treatment.procedure.replace('_', ' ')}{f' at {treatment.level}' if treatment.level else ''}"
            datum = Datum(
                date=treatment.date, field="operation", value=value, where=("treatments", n, "procedure")
            )
            words = f"operated on {treatment.date} ({value}): later images show an operated spine"
            yield Clause(topic="treatment", words=words, data=(datum,))


def finding_words(finding: ImagingFinding) -> str:
    """`left paracentral extrusion at L4/L5`, with where it has migrated to and what it does to the root."""
    kind = {None: "herniation", "none": "no herniation"}.get(finding.morphology, finding.morphology)
    words = [word for word in (finding.side, finding.zone, kind) if word]
    text = f"{'' if finding.morphology == 'none' else 'a '}{' '.join(words)} at {finding.level}"
    if finding.height_level not in (None, "disc"):
        behind = f" of {finding.height_vertebra}" if finding.height_vertebra else ""
        text += f", at the {finding.height_level} level{behind}"
    effect = {"contact": "contact with", "deviation": "deviation of", "compression": "compression of"}
    if finding.root_compressed in effect:
        text += f" ({effect[finding.root_compressed]} the root)"
    return text


def volume_words(volume: Quantity) -> str:
    """A volume with its interval, with its lower bound, or with the reason why it is missing."""
    if volume.value is None:
        low = "" if volume.low is None else f"at least {volume.low:.0f} mm³, "
        return f"volume {low}not measured ({volume.reason})"
    if volume.low is None or volume.high is None:
        return f"volume behind the line {volume.value:.0f} mm³ (95 % interval not calibrated)"
    return (
        f"volume behind the line {volume.value:.0f} mm³ (95 % interval {volume.low:.0f} to {volume.high:.0f})"
    )


def _material(disc: DiscReading) -> str:
    if not disc.displaced:
        return "no displaced disc material"
    return f"displaced disc material {'that is' if 'focal' in disc.flags else 'not shown to be'} focal"


def _volumes(course: Course, readings: Readings, level: str) -> Iterator[tuple[DiscReading, Datum]]:
    for n, study in studies_by_date(course):
        for disc in readings[n].discs if n in readings else ():
            if disc.level == level:
                field, value = f"reading, {level}", volume_words(disc.volume_mm3)
                where = ("studies", n, "reading")
                yield disc, Datum(date=study.date, field=field, value=value, where=where)


def _open_differences(course: Course, readings: Readings) -> Iterator[str]:
    for level in levels_of_interest(course, readings):
        pairs = pairwise(_volumes(course, readings, level))
        open_ = [
            f"{first.date} and {second.date}"
            for (one, first), (two, second) in pairs
            if not difference(one.volume_mm3, two.volume_mm3)
        ]
        if open_:
            yield (
                f"{level}: no word for the difference in volume is supported between {'; '.join(open_)}, since the "
                "95 % intervals overlap, or are not calibrated."
            )
