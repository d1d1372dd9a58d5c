"""Candidate roots from zone and craniocaudal position (Berra et al., World J Orthop 2021;12:961)."""

from __future__ import annotations

from resorb.anatomy import Level
from resorb.reading import Classes

LATERAL = frozenset({"foraminal", "extraforaminal"})
CAUDA_EQUINA = "cauda equina"


def candidate_roots(level: Level, classes: Classes, following: str) -> tuple[str, ...]:
    """Roots that material in a zone and at a height can reach, e.g. "L5 left".

    Central, paracentral and subarticular material meets the traversing root (the lower vertebra's), foraminal
    and extraforaminal the exiting one (the upper's). Migrated up behind the upper body it nears the root that
    leaves there; down past the lower pedicle, the next root. Central material meets both sides and the cauda equina.

    Args:
        level: the disc level.
        classes: zone, side, craniocaudal level and vertebra; its own roots are not read.
        following: name of the root that leaves below the vertebra after the level's lower one.
    """
    zone, side = classes.zone.value, classes.side.value
    height, vertebra = classes.height_level.value, classes.height_vertebra
    if zone is None:
        return ()
    exiting, traversing = level.upper, level.lower
    if zone in LATERAL:
        names = [exiting]
    elif vertebra == level.upper:
        names = [exiting, traversing] if height == "infrapedicle" else [exiting]
    elif vertebra == level.lower and height == "infrapedicle":
        names = [traversing, following]
    else:
        names = [traversing]
    central = zone == "central"
    sides = ("left", "right") if central or side not in ("left", "right") else (side,)
    roots = tuple(f"{name} {one}" for name in names for one in sides)
    return (*roots, CAUDA_EQUINA) if central else roots


def following_root(level: Level, levels: tuple[Level, ...]) -> str:
    """Name of the root that leaves below the vertebra after the level's lower one: S2 below the sacral disc.

    Args:
        level: the disc level.
        levels: all levels of the spine, from above downwards.
    """
    below = [one.lower for one in levels if one.upper == level.lower]
    if below:
        return below[0]
    if level.lower == "S1":
        return "S2"
    number = int(level.lower[1:]) + 1
    return "S1" if level.lower[0] == "L" and number > 5 else f"{level.lower[0]}{number}"
