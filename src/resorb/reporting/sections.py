"""The sections of one study's page, from the finding down to the limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from resorb.reading import QUANTITIES, Class, DiscReading, Reading
from resorb.reporting.class_words import OF_HERNIATION, classes_of, level_classes, margin_words, value_words
from resorb.reporting.findings import findings
from resorb.reporting.picture import Pictures
from resorb.reporting.scene import REFERENCE_WORDS, Kind, Scene
from resorb.reporting.section import Section, TemplateSection
from resorb.reporting.svg import scene_svg
from resorb.reporting.table import quantity
from resorb.reporting.words import (
    MEASURES,
    calibrated,
    doubts,
    flag_words,
    reason_words,
    sentence,
    shown,
    side_words,
)
from resorb.timepoint import Timepoint

LARGE_PX, LARGE_PIXEL_MM = 620, 0.15
OVERVIEW_PX, OVERVIEW_PIXEL_MM = 300, 0.4
LEVEL_PX, LEVEL_MM, LEVEL_PIXEL_MM = 300, 60.0, 0.25
#: The two tables of measurements, which together hold every quantity.
OF_DISC = (
    "slip_mm",
    "disc_height_mm",
    "disc_height_index",
    "disc_volume_mm3",
    "circumference_share",
    "canal_occupied",
    "sac_area_mm2",
)
OF_MATERIAL = tuple(name for name in QUANTITIES if name not in OF_DISC)


def finding(timepoint: Timepoint) -> Section:
    """What was found, and what to doubt."""
    reading = timepoint.reading
    return TemplateSection(
        "Finding",
        "finding",
        "finding.html",
        {
            "findings": findings(reading),
            "doubts": doubts(reading, (*timepoint.study.warnings, *timepoint.anatomy.warnings)),
            "calibrated": calibrated(reading),
        },
    )


def large(pictures: Pictures, main: Scene, overview: Scene) -> Section:
    """The worst level, large, beside the whole slice."""
    worst = pictures.timepoint.reading.worst
    kinds = [kind for kind in Kind if kind in {*main.kinds, *overview.kinds}]
    return TemplateSection(
        f"{worst.level} in detail" if worst else "Overview",
        "figure",
        "figure.html",
        {
            "aspect": overview.width_mm / overview.height_mm * main.height_mm / main.width_mm,
            "main": scene_svg(main, LARGE_PX, letters=True),
            "overview": scene_svg(overview, OVERVIEW_PX, letters=False, scale_bar=False),
            "legend": [(kind.value, kind.words) for kind in kinds],
            "reference": REFERENCE_WORDS if main.reference is not None else "",
            "level": worst.level if worst else "",
            "place": main.place,
        },
    )


def levels(pictures: Pictures) -> Section:
    """Every level in its own picture."""
    return TemplateSection("Every level", "levels", "levels.html", {"cards": list(_cards(pictures))})


def _cards(pictures: Pictures) -> Iterator[dict[str, object]]:
    for disc in pictures.timepoint.reading.discs:
        scene = pictures.level(disc, LEVEL_MM, LEVEL_PIXEL_MM)
        yield {
            "level": disc.level,
            "picture": scene_svg(scene, LEVEL_PX, letters=False),
            "place": scene.place,
            "flags": [flag_words(flag) for flag in disc.flags],
            "displaced": disc.displaced,
            "side": side_words(disc.side) if disc.displaced else "",
            "depth": shown("depth_mm", disc.deepest_mm),
            "depth_reason": reason_words(disc.deepest_mm.reason),
            "notes": [sentence(note) for note in disc.notes],
            "corner": disc.lower_corner_source,
        }


def classes(reading: Reading) -> Section:
    """Every class of every lumbar level: its value, how far it is from its limit, and whose word it is."""
    lumbar = [disc for disc in reading.discs if "thoracic" not in disc.flags]
    return TemplateSection(
        "Classes",
        "classes",
        "classes.html",
        {
            "names": [*OF_HERNIATION.values()],
            "overview": list(_overview(lumbar)),
            "details": [one for disc in lumbar for one in _details(disc)],
        },
    )


def _overview(discs: list[DiscReading]) -> Iterator[dict[str, object]]:
    """One row per level: what names it."""
    for disc in discs:
        classes = disc.classes
        # What bulges all around lies in no zone, and is in no root's way more than in another's.
        placed = disc.herniated or (classes is not None and bool(classes.zone.given_by))
        found = [] if classes is None else list(classes_of(classes))[: None if placed else 1]
        vertebra = classes.height_vertebra if classes else None
        cells = [_cell(name, one, vertebra) for name, one in found]
        cells += [_cell(name, None, None) for name in [*OF_HERNIATION][len(cells) :]]
        yield {
            "level": disc.level,
            "herniated": disc.herniated,
            "cells": cells,
            "roots": ", ".join(classes.roots) if classes and placed else "",
            "levels": [
                {"name": name, **_cell(name, one, None)}
                for name, one in level_classes(disc)
                if one.value is not None
            ],
        }


def _cell(name: str, one: Class | None, vertebra: str | None) -> dict[str, object]:
    if one is None:
        return {"text": "—", "near": False, "by": "", "why": ""}
    return {
        "text": value_words(name, one, vertebra),
        "near": one.near,
        "by": one.given_by,
        "why": margin_words(one),
    }


def _details(disc: DiscReading) -> Iterator[dict[str, object]]:
    """What every class of a level hangs on: of each herniation, else of the level."""
    pieces = [
        (f"herniation {one.number}" if len(disc.herniations) > 1 else "", one.classes)
        for one in disc.herniations
        if one.classes is not None
    ]
    if not pieces and disc.classes is not None:
        pieces = [("", disc.classes)]
    for which, found in pieces:
        for name, one in classes_of(found):
            if one.value is not None:
                yield {"level": " ".join([disc.level, which]).strip(), **_why(name, one)}
    for name, one in level_classes(disc):
        if one.value is not None:
            yield {"level": disc.level, **_why(name, one)}


def _why(name: str, one: Class) -> dict[str, object]:
    return {
        "name": name,
        "value": one.value,
        "why": margin_words(one),
        "near": one.near,
        "verified": one.verified,
        "by": one.given_by or "resorb",
    }


def table(reading: Reading) -> Section:
    """Every quantity of every level, in two tables; what is missing carries its reason."""
    notes: dict[str, str] = {}
    parts = [
        {"title": title, "measures": [MEASURES[name] for name in names], "rows": _rows(reading, names, notes)}
        for title, names in (("Displaced material", OF_MATERIAL), ("Disc and canal", OF_DISC))
    ]
    return TemplateSection(
        "Measurements",
        "measurements",
        "table.html",
        {
            "parts": parts,
            "notes": [(mark, reason) for reason, mark in notes.items()],
            "calibrated": calibrated(reading),
        },
    )


def _rows(reading: Reading, names: Sequence[str], notes: dict[str, str]) -> list[dict[str, object]]:
    """The rows of one table; `notes` gains a mark for every new reason."""
    rows: list[dict[str, object]] = []
    for disc in reading.discs:
        cells = []
        for name in names:
            measured = quantity(disc, name)
            reason = reason_words(measured.reason) if measured.value is None else ""
            if reason and reason not in notes:
                notes[reason] = _mark(len(notes))
            cells.append({"text": shown(name, measured), "reason": reason, "mark": notes.get(reason, "")})
        rows.append(
            {
                "level": disc.level,
                "displaced": disc.displaced,
                "cells": cells,
                "side": disc.side or "",
                "flags": [flag_words(flag) for flag in disc.flags],
            }
        )
    return rows


def _mark(place: int) -> str:
    """a, b, ... z, aa, bb, ..."""
    return ascii_lowercase[place % 26] * (place // 26 + 1)


def method(timepoint: Timepoint) -> Section:
    """Which series was used and why, and how it was measured."""
    reading, study = timepoint.reading, timepoint.study
    methods = {
        MEASURES[name].name: [q.method for q in (quantity(disc, name) for disc in reading.discs) if q.method]
        for name in QUANTITIES
    }
    volume = study.sagittal.volume
    return TemplateSection(
        "How it was measured",
        "method",
        "method.html",
        {
            "series": reading.series,
            "choice": study.choice,
            "faults": study.sagittal.faults,
            "spacing": " \N{MULTIPLICATION SIGN} ".join(
                f"{s:.2f}" for s in sorted(volume.spacing_mm.tolist())
            ),
            "slices": volume.sagittal().shape[0],
            "slice_spacing": f"{study.sagittal.slice_spacing_mm:.1f}",
            "segmented_by": reading.segmented_by,
            "level_naming": reading.level_naming,
            "methods": [(name, "; ".join(dict.fromkeys(texts))) for name, texts in methods.items() if texts],
        },
    )


def limits(reading: Reading) -> Section:
    """What was not assessed, what this is for, and what made it."""
    return TemplateSection("Limits", "limits", "limits.html", {"reading": reading})
