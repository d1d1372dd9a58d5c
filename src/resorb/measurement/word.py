"""Puts a reader's word into a reading: beside what was measured, or in its place, under the reader's name."""

from __future__ import annotations

from resorb.anatomy import Level
from resorb.errors import InputError
from resorb.measurement.classes import candidate_roots, following_root, gravest
from resorb.reader import LevelWord, ReaderWord, unknown_level
from resorb.reading import Class, Classes, DiscReading, Herniation, Reading
from resorb.written import Lines

OF_HERNIATION = ("morphology", "msu_size", "msu_zone", "zone", "side", "height_level")
OF_LEVEL = ("canal_compromise", "degeneration", "modic", "rim_enhancement", "ligament_containment")
NOT_CLASSED = "not classed by resorb"


def with_word(reading: Reading, word: ReaderWord, lines: Lines) -> Reading:
    """A reading with a reader's classes in it. No quantity changes; roots follow the reader's zone, side and height.

    Args:
        reading: as measured.
        word: what the reader says.
        lines: of the reader's file, for messages.

    Raises:
        InputError: the reader names a level or a herniation that the reading does not hold.
    """
    discs = {disc.level: disc for disc in reading.discs}
    for place, said in enumerate(word.levels):
        if said.level not in discs:
            raise unknown_level(place, lines, tuple(discs))
        disc = discs[said.level]
        if said.herniation is not None and said.herniation > len(disc.herniations):
            line = lines.of(("levels", place, "herniation"))
            raise InputError(
                f"{lines.name}, line {line}: there is no herniation {said.herniation} at {said.level}: "
                f"{len(disc.herniations)} were found"
            )
        levels = tuple(Level.parse(name) for name in discs)
        changed = _disc(disc, said, word.given_by, levels)
        if _contradicts(changed):
            raise InputError(
                f"{lines.name}, line {lines.of(('levels', place, 'side'))}: what lies in the midline is central, "
                f"and {said.level} is classed otherwise: give `zone` as well"
            )
        discs[said.level] = changed
    return reading.model_copy(update={"discs": tuple(discs.values())})


def _disc(disc: DiscReading, said: LevelWord, by: str, levels: tuple[Level, ...]) -> DiscReading:
    changes: dict[str, object] = {
        name: _said(value, getattr(disc, name), by)
        for name in OF_LEVEL
        if (value := getattr(said, name)) is not None
    }
    if any(getattr(said, name) is not None for name in OF_HERNIATION):
        changes |= _herniations(disc, said, by, levels)
    return disc.model_copy(update=changes)


def _contradicts(disc: DiscReading) -> bool:
    """Whether something in the midline has a zone beside it."""
    own = [disc.classes, *(one.classes for one in disc.herniations)]
    return any(
        one is not None and one.side.value == "midline" and one.zone.value not in (None, "central")
        for one in own
    )


def _herniations(disc: DiscReading, said: LevelWord, by: str, levels: tuple[Level, ...]) -> dict[str, object]:
    """What changes of a level when its herniation, or the one that names it, is classed by a reader."""
    leading = _leading(disc.herniations)
    meant = leading if said.herniation is None else said.herniation - 1
    changes: dict[str, object] = {}
    herniations = list(disc.herniations)
    if meant is not None:
        one = herniations[meant]
        changed = _classes(one.classes, said, by, Level.parse(disc.level), levels)
        herniations[meant] = one.model_copy(update={"classes": changed})
        changes["herniations"] = tuple(herniations)
    leading = _leading(tuple(herniations))
    if leading is None:
        classes = _classes(disc.classes, said, by, Level.parse(disc.level), levels)
    else:
        found = herniations[leading].classes
        classes = found if found is not None else _unclassed()
    changes["classes"] = classes
    if said.side is not None and classes.side.value == said.side:
        changes["side"] = said.side
    return changes


def _leading(herniations: tuple[Herniation, ...]) -> int | None:
    """Index of the herniation that names its level: the gravest."""
    if not herniations:
        return None
    return gravest([(one.classes or _unclassed()).morphology for one in herniations])


def _classes(
    before: Classes | None, said: LevelWord, by: str, level: Level, levels: tuple[Level, ...]
) -> Classes:
    classes = before or _unclassed()
    changes: dict[str, object] = {
        name: _said(value, getattr(classes, name), by)
        for name in OF_HERNIATION
        if (value := getattr(said, name)) is not None
    }
    if said.height_level is not None:
        changes["height_vertebra"] = said.height_vertebra
    classes = classes.model_copy(update=changes)
    roots = candidate_roots(level, classes, following_root(level, levels))
    return classes.model_copy(update={"roots": roots})


def _said(value: object, before: Class | None, by: str) -> Class:
    """A class as the reader gives it, with what it stands in place of."""
    measured = before.value if before is not None else None
    instead = f", in place of {measured} as measured" if measured not in (None, str(value)) else ""
    return Class(value=str(value), limit=f"the reader's word{instead}", given_by=by)


def _unclassed() -> Classes:
    none = Class(value=None, reason=NOT_CLASSED)
    return Classes(morphology=none, msu_size=none, msu_zone=none, zone=none, side=none, height_level=none)
