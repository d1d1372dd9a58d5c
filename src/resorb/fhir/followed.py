"""Herniations that are followed through time, and what became of them, as BodyStructures and Observations; and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from resorb.change import NOT_RECOVERY, Outcome
from resorb.clinic.base import LevelText
from resorb.clinic.changes import UNKNOWN, Followed
from resorb.fhir.codes import BASE, concept, take_key
from resorb.fhir.elements import (
    extensions,
    notes,
    period,
    quantity,
    resource,
    take_extension,
    take_notes,
    take_period,
    take_quantity,
)
from resorb.fhir.leftovers import Json, Unreadable
from resorb.fhir.observations import observation, usable

#: Where the identifiers of followed herniations live.
TRACKING = f"{BASE}/identifier/herniation"


@dataclass(frozen=True)
class FollowedChange:
    """What became of a herniation from one study to another: a finding on images, never a recovery.

    Attributes:
        volume_first_mm3, volume_last_mm3: at these dates, against the same reference surface.
        difference_mm3: last less first; `_low_` and `_high_` bound its 95 % interval.
    """

    first: date
    last: date
    verdict: Outcome
    volume_first_mm3: float | None = None
    volume_last_mm3: float | None = None
    difference_mm3: float | None = None
    difference_low_mm3: float | None = None
    difference_high_mm3: float | None = None


@dataclass(frozen=True)
class FollowedHerniation:
    """A herniation that keeps its identity from one study to the next (DICOM SR: tracking identifier).

    Attributes:
        identifier: the same on every date; a DICOM UID where there is one.
        level: e.g. L4/L5.
        changes: verdicts of stored comparisons.
    """

    identifier: str
    level: LevelText
    side: Literal["left", "right", "midline"] | None = None
    changes: tuple[FollowedChange, ...] = ()


#: The numbers of a FollowedChange.
NUMBERS = (
    "volume_first_mm3",
    "volume_last_mm3",
    "difference_mm3",
    "difference_low_mm3",
    "difference_high_mm3",
)


def followed_herniations(followed: Iterable[Followed]) -> tuple[FollowedHerniation, ...]:
    """The herniations of a course's stored comparisons; one that was operated on in between has no other verdict."""
    return tuple(
        FollowedHerniation(
            one.identifier,
            one.level,
            next((side for side in ("left", "right", "midline") if side == one.side), None),
            _changes(one),
        )
        for one in followed
        if one.identifier
    )


def _changes(one: Followed) -> tuple[FollowedChange, ...]:
    if one.first is None or one.last is None:
        return ()
    first, last = (one.volumes[number - 1].value for number in (one.verdict.first, one.verdict.last))
    less = UNKNOWN if one.difference is None else one.difference.absolute
    change = FollowedChange(
        first=one.first,
        last=one.last,
        verdict="indeterminate" if one.history == "operated" else one.verdict.value,
        volume_first_mm3=first,
        volume_last_mm3=last,
        difference_mm3=less.value,
        difference_low_mm3=less.low,
        difference_high_mm3=less.high,
    )
    return (change,)


def of_followed(given: FollowedHerniation) -> Json:
    """A BodyStructure, without its patient."""
    place = concept("level", given.level)
    return resource(
        "BodyStructure",
        identifier=[{"system": TRACKING, "value": given.identifier}],
        morphology=concept("structure", "herniation"),
        includedStructure=[{"structure": place}],
        extension=extensions(side=given.side),
    )


def read_followed(body: Json) -> FollowedHerniation:
    """A followed herniation; `body` loses what was read.

    Raises:
        Unreadable: it is none.
    """
    take_key(body.get("morphology"), ("structure",))
    mine = [one for one in body.get("identifier", []) if one.get("system") == TRACKING]
    if len(mine) != 1 or len(body["includedStructure"]) != 1:
        raise Unreadable("no_field", "one tracking identifier and one disc are needed")
    _, level = take_key(body["includedStructure"][0]["structure"], ("level",))
    body["identifier"] = [one for one in body["identifier"] if one is not mine[0]]
    side = take_extension(body, "side")
    if side not in (None, "left", "right", "midline") or "value" not in mine[0]:
        raise Unreadable("impossible", "a side or an identifier that the record does not allow")
    return FollowedHerniation(mine[0]["value"], level, side)


def of_change(given: FollowedChange, level: str, place: Json) -> Json:
    """The Observation of a verdict, which refers to its herniation, without its subject.

    Args:
        place: reference to the BodyStructure.
    """
    numbers = {name: value for name in NUMBERS if (value := getattr(given, name)) is not None}
    return observation(
        "change",
        "herniation",
        bodySite=concept("level", level),
        bodyStructure=place,
        effectivePeriod=period(given.first, given.last),
        valueCodeableConcept=concept("verdict", given.verdict),
        component=[
            {"code": concept("component", name), "valueQuantity": quantity(name, value)}
            for name, value in numbers.items()
        ],
        note=notes(NOT_RECOVERY),
    )


def tells_change(body: Json) -> tuple[str, str]:
    """Whether an Observation is the verdict of a comparison.

    Raises:
        Unreadable: it is not.
    """
    return take_key(body.get("code"), ("change",))


def read_change(body: Json) -> FollowedChange:
    """The verdict of a comparison; `body` loses what was read.

    Raises:
        Unreadable: it is none.
    """
    usable(body, ("final", "amended", "corrected"))
    take_key(body.get("code"), ("change",))
    _, verdict = take_key(body.get("valueCodeableConcept"), ("verdict",))
    if verdict not in get_args(Outcome):
        raise Unreadable("unknown_code", "a verdict that this resorb does not know")
    days = {key: date.fromisoformat(day) for key, day in take_period(body, "effectivePeriod").items()}
    if "end" not in days:
        raise Unreadable("inexact", "the two dates that were compared are needed")
    if "bodySite" in body:
        take_key(body["bodySite"], ("level",))
    numbers: dict[str, float] = {}
    for part in body.get("component", []):
        name = take_key(part.get("code"), ("component",))[1]
        if name in NUMBERS and "valueQuantity" in part:
            numbers[name] = take_quantity(part["valueQuantity"], name)
        elif name == "level":
            take_key(part.get("valueCodeableConcept"), ("level",))
        else:
            raise Unreadable("unknown_code", "a component that a comparison does not have")
    if take_notes(body) not in ("", NOT_RECOVERY):
        raise Unreadable("no_field", "a note of somebody else")
    known = next(one for one in get_args(Outcome) if one == verdict)
    return FollowedChange(days["start"], days["end"], known, **numbers)
