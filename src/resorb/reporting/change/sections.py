"""The sections of a change's page: the finding first, what it rests on last."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from string import ascii_uppercase

from resorb.change import Change, Definition, LevelChange, PublishedCourse, Rate, Track
from resorb.reading import Quantity
from resorb.reporting.change.figure import DIFFERENCE_WORDS
from resorb.reporting.change.panels import PLANES, Panels
from resorb.reporting.change.words import (
    OF_HERNIATION,
    OF_LEVEL,
    beyond,
    calibrated,
    history_words,
    interval_words,
    missing,
    percent,
    signed,
    spanning,
    subject,
    value,
    verdicts_told,
)
from resorb.reporting.scene import REFERENCE_WORDS, Kind
from resorb.reporting.section import Section, TemplateSection
from resorb.reporting.svg import scene_svg
from resorb.reporting.words import MEASURES, number, sentence

PANEL_PX = 300
MASK_FILE = "displaced.nii.gz"


def finding(change: Change, same_day: str) -> Section:
    """What was found; what must be looked into the same day; what to doubt.

    Args:
        same_day: what to ask about, and when to go to an emergency department; shown below every alert.
    """
    values = {
        "change": change,
        "same_day": same_day,
        "others": [words for words in verdicts_told(change) if words not in change.sentence],
        "history": history_words(change.between, change),
        "doubts": [sentence(one) for one in change.warnings],
    }
    return TemplateSection("Finding", "finding", "change_finding.html", values)


def pictures(panels: Panels) -> Section:
    """The figure as pictures whose outlines can be hidden."""
    rows, letter = [], 0
    for plane in PLANES:
        row = [panel for panel in panels.panels if panel.plane is plane]
        shown = []
        for panel in row:
            name, below = _head(panels.change, panel.date, panel.difference)
            words = "difference of the outlines" if panel.difference else panel.source
            picture = scene_svg(panel.scene, PANEL_PX, letters=True)
            shown.append(
                {"name": name, "below": below, "picture": picture, "letter": ascii_uppercase[letter % 26]}
                | {"words": words}
            )
            letter += 1
        rows.append({"plane": str(plane), "panels": shown, "heads": plane is PLANES[0]})
    anchor = f"figure-{(panels.track or panels.level).level.replace('/', '-').lower()}"
    if panels.track is not None:
        anchor += f"-{panels.change.tracks.index(panels.track) + 1}"
    kinds = {kind for panel in panels.panels for kind in panel.scene.kinds}
    values = {
        "anchor": anchor,
        "rows": rows,
        "legend": [(kind.value, kind.words) for kind in Kind if kind in kinds],
        "reference": REFERENCE_WORDS,
        "planes": [
            f"{plane} {next(p.scene.place for p in panels.panels if p.plane is plane)}" for plane in PLANES
        ],
        "grey": "Grey scales are matched on dark tissue, marrow and CSF."
        if panels.matched
        else "Grey scales are those of each image: its brightness cannot be compared.",
    }
    return TemplateSection(f"Before and after: {panels.name}", anchor, "change_figure.html", values)


def picture(title: str, anchor: str, svg: bytes, alt: str) -> Section:
    """A figure as one picture that carries everything in it."""
    uri = "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
    return TemplateSection(title, anchor, "change_picture.html", {"figure": uri, "alt": alt})


def table(change: Change) -> Section:
    """What was measured of every herniation that is followed, and what of it changed."""
    values = {
        "subjects": [_subject(change, track) for track in sorted(change.tracks, key=_unlikely)],
        "dates": [one.name for one in change.dates],
        "calibrated": calibrated(change),
    }
    return TemplateSection("Measurements", "measurements", "change_table.html", values)


def levels(change: Change) -> Section:
    """Every level, whether it changed or not."""
    rows = []
    for one in change.levels:
        volumes = one.quantities.get("volume_mm3", ())
        difference = spanning(one.differences, one.verdict).get("volume_mm3")
        detectable = difference.smallest_detectable if difference else None
        error = one.registration_error_mm
        rows.append(
            {
                "level": one.level,
                "names": ", ".join(one.names),
                "marked": one.verdict.value not in ("unchanged", "indeterminate"),
                "cells": [value("volume_mm3", q) for q in volumes] or ["—"] * len(change.dates),
                "change": signed("volume_mm3", difference.absolute) if difference else "—",
                "detectable": "—" if detectable is None else number("volume_mm3", detectable),
                "verdict": one.verdict.value,
                "registered": one.registered_by + ("" if error is None else f", error {error:.1f} mm"),
            }
        )
    names = [one.name for one in change.dates]
    return TemplateSection("Every level", "levels", "change_levels.html", {"rows": rows, "dates": names})


def error(change: Change) -> Section:
    """Why each verdict is what it is, and how published definitions would call it."""
    subjects = []
    followed: Sequence[Track | LevelChange] = sorted(change.tracks, key=_unlikely) or change.levels
    for one in followed:
        subjects.append(
            {
                "name": subject(one),
                "outcome": one.verdict.value,
                "reasons": [sentence(reason) for reason in one.verdict.reasons],
                "rates": [_rate(rate) for rate in one.course],
                "definitions": [_definition(d) for d in one.definitions] if isinstance(one, Track) else [],
                "published": [_published(p) for p in one.published] if isinstance(one, Track) else [],
            }
        )
    values = {"subjects": subjects, "source": change.error_source}
    return TemplateSection("How sure this is", "error", "change_error.html", values)


def recovery(change: Change) -> tuple[Section, ...]:
    """What was found of synthetic herniations in these scans; nothing where that was not asked for."""
    found = change.recovery
    if found is None:
        return ()
    rows = [
        {
            "date": change.dates[one.date - 1].name,
            "level": one.level,
            "morphology": one.morphology,
            "known": number("volume_mm3", one.known_mm3),
            "measured": "—" if one.measured_mm3 is None else number("volume_mm3", one.measured_mm3),
            "found": "yes" if one.found else "no",
        }
        for one in found.implants
    ]
    scatter = "" if found.scatter_mm3 is None else number("volume_mm3", found.scatter_mm3)
    values = {"recovery": found, "rows": rows, "scatter": scatter}
    return (TemplateSection("Synthetic recovery", "recovery", "change_recovery.html", values),)


def limits(change: Change) -> Section:
    """What was not assessed, what this is for, and what made it."""
    return TemplateSection("Limits", "limits", "change_limits.html", {"change": change})


def audit(change: Change, letter: str, folder: str) -> Section:
    """Every number with its method, source, date and voxels, folded away.

    Args:
        folder: of the stored dates, beside the page.
    """
    dates = [
        {
            "name": f"{one.number}: {one.name}",
            "series": one.series,
            "spacing": " \N{MULTIPLICATION SIGN} ".join(f"{mm:.2f}" for mm in one.spacing_mm),
            "segmented_by": one.segmented_by,
            "sha256": one.study_sha256,
            "folder": f"{folder}/{one.number}",
        }
        for one in change.dates
    ]
    every: tuple[Track | LevelChange, ...] = (*change.tracks, *change.levels)
    rows = [row for one in every for row in _audited(change, one, folder)]
    values = {"dates": dates, "rows": rows, "letter": letter}
    return TemplateSection("Audit", "audit", "change_audit.html", values)


def _head(change: Change, date: int, difference: bool) -> tuple[str, str]:
    if difference:
        return DIFFERENCE_WORDS, f"{change.dates[0].name} to {change.dates[-1].name}"
    return change.dates[date - 1].name, interval_words(change, date)


def _subject(change: Change, track: Track) -> dict[str, object]:
    """The herniation's own numbers, then those of its whole level."""
    level = change.at(track.level)
    rows = [
        *_rows(track, OF_HERNIATION, ""),
        *_rows(level, OF_LEVEL, f"{level.level} as a whole: "),
    ]
    return {
        "name": subject(track),
        "outcome": track.verdict.value,
        "events": [sentence(event.words) for event in track.events],
        "rows": rows,
        "missing": [f"{row['name']}: {row['missing']}" for row in rows if row["missing"]],
    }


def _rows(one: Track | LevelChange, names: Sequence[str], before: str) -> list[dict[str, object]]:
    found = spanning(one.differences, one.verdict)
    rows: list[dict[str, object]] = []
    for name in names:
        values, difference = one.quantities.get(name, ()), found.get(name)
        if all(q.at_least is None for q in values):
            continue
        detectable = difference.smallest_detectable if difference else None
        limit = "" if detectable is None else f" ({number(name, detectable)})"
        rows.append(
            {
                "name": before + MEASURES[name].name,
                "unit": MEASURES[name].unit,
                "cells": [value(name, q) for q in values],
                "change": signed(name, difference.absolute) if difference else "—",
                "share": percent(difference.relative) if difference else "—",
                "beyond": beyond(difference) + limit,
                "missing": missing(values) or missing([difference.absolute] if difference else []),
            }
        )
    return rows


def _audited(change: Change, one: Track | LevelChange, folder: str) -> Iterator[dict[str, str]]:
    for name, values in one.quantities.items():
        for dated, quantity in zip(change.dates, values, strict=True):
            yield {
                "of": subject(one) if isinstance(one, Track) else f"{one.level}, whole level",
                "quantity": name,
                "date": dated.name,
                "value": _exact(quantity),
                "method": quantity.method,
                "source": quantity.source,
                "voxels": f"{folder}/{dated.number}/{MASK_FILE}",
            }


def _exact(quantity: Quantity) -> str:
    if quantity.value is None:
        return f"— ({quantity.reason})"
    bounds = (
        ""
        if quantity.low is None or quantity.high is None
        else f" ({quantity.low:.4g} to {quantity.high:.4g})"
    )
    return f"{quantity.value:.4g}{bounds}"


def _rate(rate: Rate) -> str:
    name = MEASURES.get(rate.quantity)
    unit = f" {name.unit}" if name and name.unit else ""
    words = f"{name.name if name else rate.quantity}: {signed(rate.quantity, rate.per_month)}{unit} per month"
    half = rate.half_life_months
    if half is not None and half.value is not None:
        bounds = "" if half.low is None or half.high is None else f" ({half.low:.1f} to {half.high:.1f})"
        words += f"; half of it is lost in {half.value:.1f} months{bounds}"
    elif rate.half_life_reason:
        words += f"; no half-life: {rate.half_life_reason}"
    return sentence(words)


def _definition(one: Definition) -> str:
    told = "cannot be said" if one.met is None else ("met" if one.met else "not met")
    sure = "" if one.met is None or one.certain else ", not certainly"
    read = "" if one.verified else ", unverified"
    return f"{one.name}: {told}{sure} ({one.source}{read})"


def _published(one: PublishedCourse) -> str:
    return sentence(f"{one.morphology}: {one.what} in {100 * one.share:.0f} % ({one.source}); {one.limits}")


def subjects_shown(change: Change, most: int) -> Sequence[Track | LevelChange]:
    """What gets pictures of its own: the herniations, those that changed and the largest first; else one level."""
    if not change.tracks:
        return sorted(change.levels, key=_unlikely)[:1]
    return sorted(change.tracks, key=_unlikely)[:most]


def _unlikely(one: Track | LevelChange) -> tuple[bool, float]:
    """Sorts what changed before what did not, and the larger before the smaller."""
    volumes = [q.at_least or 0.0 for q in one.quantities.get("volume_mm3", ())]
    return one.verdict.value in ("unchanged", "indeterminate"), -max(volumes, default=0.0)
