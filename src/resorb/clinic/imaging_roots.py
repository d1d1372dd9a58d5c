"""Which roots a herniation can reach, from its level, zone and craniocaudal position (`tables/zones.toml`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from resorb.anatomy import Level
from resorb.clinic.base import SIDES, ClinicRecord, Side
from resorb.clinic.imaging import ImagingFinding
from resorb.clinic.tables import Row, table, verified

#: The root that follows the traversing one, by the lower vertebra of the level.
FOLLOWING = {"L1": "L2", "L2": "L3", "L3": "L4", "L4": "L5", "L5": "S1", "L6": "S1", "S1": "S2"}


class ImagingRoot(ClinicRecord):
    """One root that a herniation can reach.

    Attributes:
        root: named after the vertebra; where the count of the vertebrae is uncertain, so is the name.
        verified: a published source that was read confirms the row of the table.
    """

    root: str
    side: Side
    why: str
    source: str
    verified: bool


class ImagingOpinion(ClinicRecord):
    """The candidate roots of one imaging finding.

    Attributes:
        cauda_equina: central material can reach it.
        missing: what the finding does not say, so that more roots are candidates.
    """

    date: date
    finding: ImagingFinding
    roots: tuple[ImagingRoot, ...]
    cauda_equina: bool
    missing: tuple[str, ...]

    @property
    def named(self) -> frozenset[tuple[str, Side]]:
        """(root, side) of every candidate."""
        return frozenset((one.root, one.side) for one in self.roots)

    @property
    def words(self) -> str:
        names = list(dict.fromkeys(f"{one.root} {one.side}" for one in self.roots))
        return " or ".join([*names, "cauda equina"] if self.cauda_equina else names)


def imaging_opinion(finding: ImagingFinding, day: date) -> ImagingOpinion:
    """Candidates of a finding. What it does not say widens them: no zone, both roots; no side, both sides.

    Migrated material adds the roots behind the vertebra it lies at; nothing takes a root of the zone away.
    """
    zones = [row for row in table("zones") if "zone" in row and finding.zone in (None, row["zone"])]
    if finding.zone is None:
        zones = [row for row in zones if not row.get("cauda_equina")]
    both = finding.side in (None, "midline") or any(row.get("both_sides") for row in zones)
    sides = SIDES if both else tuple(side for side in SIDES if side == finding.side)
    rows = [*zones, *_migrated(finding)]
    found = (
        ImagingRoot(
            root=root, side=side, why=_why(finding, row), source=row["source"], verified=verified(row)
        )
        for row in rows
        for root in _names(row, Level.parse(finding.level))
        for side in sides
    )
    missing = tuple(name for name in ("zone", "side") if getattr(finding, name) is None)
    return ImagingOpinion(
        date=day,
        finding=finding,
        roots=_once(found),
        cauda_equina=any(bool(row.get("cauda_equina")) for row in zones),
        missing=() if finding.zone == "central" else missing,
    )


def _migrated(finding: ImagingFinding) -> list[Row]:
    level = Level.parse(finding.level)
    bodies = {level.upper: "upper", level.lower: "lower"}
    body = bodies.get(finding.height_vertebra or "")
    return [
        row
        for row in table("zones")
        if row.get("height") == finding.height_level and row.get("body") == body and body
    ]


def _names(row: Row, level: Level) -> list[str]:
    names = {"exiting": level.upper, "traversing": level.lower, "following": FOLLOWING.get(level.lower, "")}
    return [names[which] for which in row["roots"] if names[which]]


def _why(finding: ImagingFinding, row: Row) -> str:
    if "zone" in row:
        zone = f"{row['zone']} at {finding.level}"
        return zone if finding.zone else f"if {zone}"
    return f"migrated to the {row['height']} level of {finding.height_vertebra}"


def _once(found: Iterable[ImagingRoot]) -> tuple[ImagingRoot, ...]:
    """Each root and side once, with the first reason."""
    return tuple({(one.root, one.side): one for one in reversed(tuple(found))}.values())[::-1]
