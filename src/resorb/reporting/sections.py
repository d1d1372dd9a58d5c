"""The sections of one study's page, from the finding down to the limits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from string import ascii_lowercase

from resorb.reading import QUANTITIES, Reading
from resorb.reporting.picture import Pictures
from resorb.reporting.scene import REFERENCE_WORDS, Kind, Scene
from resorb.reporting.section import Section, TemplateSection
from resorb.reporting.svg import scene_svg
from resorb.reporting.table import quantity
from resorb.reporting.words import (
    MEASURES,
    calibrated,
    doubts,
    findings,
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
            "depth": shown("depth_mm", disc.depth_mm),
            "depth_reason": reason_words(disc.depth_mm.reason),
            "notes": [sentence(note) for note in disc.notes],
            "corner": disc.lower_corner_source,
        }


def table(reading: Reading) -> Section:
    """Every quantity of every level; what is missing carries its reason."""
    notes: dict[str, str] = {}
    marks = (ascii_lowercase[n % 26] * (n // 26 + 1) for n in count())
    rows = []
    for disc in reading.discs:
        cells = []
        for name in QUANTITIES:
            measured = quantity(disc, name)
            reason = reason_words(measured.reason) if measured.value is None else ""
            if reason and reason not in notes:
                notes[reason] = next(marks)
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
    return TemplateSection(
        "Measurements",
        "measurements",
        "table.html",
        {
            "measures": [MEASURES[name] for name in QUANTITIES],
            "rows": rows,
            "notes": [(mark, reason) for reason, mark in notes.items()],
            "calibrated": calibrated(reading),
        },
    )


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
