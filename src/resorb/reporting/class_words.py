"""Classes in words: what was found, how near it is to being something else, and whose word it is."""

from __future__ import annotations

from collections.abc import Iterator

from resorb.reading import Class, Classes, DiscReading, Herniation, Quantity
from resorb.reporting.words import number, phrase

#: Of displaced material, in the order of a radiologist's sentence.
OF_HERNIATION: dict[str, str] = {
    "morphology": "morphology",
    "zone": "axial zone",
    "side": "side",
    "height_level": "craniocaudal level",
    "msu_size": "MSU size",
    "msu_zone": "MSU zone",
}
#: Of a level.
OF_LEVEL: dict[str, str] = {
    "canal_compromise": "canal compromise",
    "sac_narrowing": "thecal sac",
    "degeneration": "Pfirrmann-like grade",
    "modic": "Modic type",
    "rim_enhancement": "rim enhancement",
    "ligament_containment": "containment by the ligament",
}
COMPROMISED = frozenset({"mild", "moderate", "severe"})


def classes_of(one: Classes) -> Iterator[tuple[str, Class]]:
    """(name in words, class) of displaced material."""
    for name, words in OF_HERNIATION.items():
        yield words, getattr(one, name)


def level_classes(disc: DiscReading) -> Iterator[tuple[str, Class]]:
    """(name in words, class) of a level, those that nobody gave left out."""
    for name, words in OF_LEVEL.items():
        found = getattr(disc, name)
        if found is not None:
            yield words, found


def value_words(name: str, one: Class, vertebra: str | None = None) -> str:
    """The value of a class for a table's cell."""
    if one.value is None:
        return "—"
    if name == OF_HERNIATION["height_level"] and vertebra:
        return f"{one.value}, {vertebra}"
    return one.value


def margin_words(one: Class) -> str:
    """How far the class is from its limit, and which that is."""
    if one.value is None:
        return f"not classed: {one.reason}"
    if one.margin is None:
        return one.limit
    unit = f" {one.unit.replace('mm2', 'mm²')}" if one.unit not in ("", "ratio") else ""
    margin = f"{one.margin:.2f}" if one.unit == "ratio" else f"{one.margin:.1f}"
    return f"{margin}{unit} from its limit ({one.limit})"


def herniation_sentences(disc: DiscReading) -> list[str]:
    """What is said first of a herniated level: one text for each herniation, the one that names the level first."""
    found = [one for one in disc.herniations if one.classes is not None]
    found.sort(key=lambda one: one.classes != disc.classes)
    if not found and disc.classes is not None:
        sizes = f"{phrase('depth_mm', disc.depth_mm)} deep, volume {phrase('volume_mm3', disc.volume_mm3)}"
        return [f"{disc.level}: {name_words(disc.classes)}; {sizes}.{_canal(disc)}{_roots(disc.classes)}"]
    said = []
    for n, one in enumerate(found):
        classes = one.classes or disc.classes
        if classes is not None:
            text = (
                f"{disc.level}: {name_words(classes)}; {phrase('depth_mm', one.depth_mm)} deep, "
                f"volume {phrase('volume_mm3', one.volume_mm3)}{_migrated(classes, one)}."
            )
            said.append(text + (_canal(disc) if n == 0 else "") + _roots(classes))
    return said


def qualifications(disc: DiscReading) -> list[str]:
    """What qualifies a level's classes: those near a limit, where it is herniated, and those that a reader gave."""
    said = []
    if disc.herniated and disc.classes is not None:
        near = [name for name, one in classes_of(disc.classes) if one.near and not one.given_by]
        if near:
            said.append(f"{disc.level}: near a limit, so it may be read otherwise: {', '.join(near)}.")
    by: dict[str, list[str]] = {}
    of_material = [] if disc.classes is None else list(classes_of(disc.classes))
    for name, one in (*of_material, *level_classes(disc)):
        if one.given_by:
            by.setdefault(one.given_by, []).append(f"{name} {one.value}")
    said += [f"{disc.level}, the word of {who}: {', '.join(words)}." for who, words in by.items()]
    return said


def name_words(classes: Classes) -> str:
    """The herniation's name with its MSU classes, e.g. "left paracentral extrusion (MSU 2-B, lines unverified)"."""
    size, place = classes.msu_size.value, classes.msu_zone.value
    msu = f" (MSU {size}-{place}, lines unverified)" if size and place else ""
    return short_name(classes) + msu


def short_name(classes: Classes) -> str:
    """The herniation's name as a radiologist says it, e.g. "left paracentral extrusion"."""
    side, zone = classes.side.value, classes.zone.value
    shown = side in ("left", "right") or (side == "midline" and zone != "central")
    return " ".join(filter(None, [side if shown else None, zone, classes.morphology.value or "displacement"]))


def class_name(disc: DiscReading) -> str:
    """A level's class in a few words; what only bulges has no place, and a level that was not classed no name."""
    if disc.classes is None:
        return ""
    return short_name(disc.classes) if disc.herniated else disc.classes.morphology.value or ""


def _migrated(classes: Classes, one: Herniation) -> str:
    level, vertebra = classes.height_level.value, classes.height_vertebra
    where = f", lying at the {level} level of {vertebra}" if level not in (None, "disc") and vertebra else ""
    ways = (("upwards", one.cranial_migration_mm), ("downwards", one.caudal_migration_mm))
    moved = [
        f"{number('height_mm', q.value)} mm {way}"
        for way, q in ways
        if q.value is not None and q.value >= 0.5
    ]
    return f", reaching {' and '.join(moved)} beyond the disc{where}" if moved else where


def _canal(disc: DiscReading) -> str:
    compromise = disc.canal_compromise
    if compromise is None or compromise.value not in COMPROMISED:
        return ""
    share = disc.canal_occupied
    if share.value is None or compromise.given_by:
        return f" Canal compromise {compromise.value}."
    near = ", near the limit" if compromise.near else ""
    return f" It takes up {percent(share)} of the canal at worst ({compromise.value} compromise{near})."


def _roots(classes: Classes) -> str:
    return f" Within its reach: {', '.join(classes.roots)}." if classes.roots else ""


def percent(share: Quantity) -> str:
    """A share as a percentage, with its interval."""
    if share.value is None:
        return "an unknown part"
    text = f"{100 * share.value:.0f} %"
    if share.low is not None and share.high is not None:
        text += f" (95 % interval {100 * share.low:.0f} to {100 * share.high:.0f} %)"
    return text
