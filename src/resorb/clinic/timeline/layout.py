"""Where things go on paper, in mm: panels from top to bottom, and pictures side by side without overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy.optimize import isotonic_regression

from resorb.clinic.timeline.tracks import TimeLine

WIDTH_MM = 277.0  # A4 across, within its margins
MARGIN_MM = 4.0
LABELS_MM, KEYS_MM = 62.0, 48.0
CHART_MM, ROW_MM, GAP_MM, FOOT_MM = 27.0, 4.8, 7.5, 17.0
EVENTS_MM, LEADER_MM, NAME_MM = 9.0, 6.0, 4.0
#: Room for one line of what the red flags call for, at the head of the figure.
ALARM_MM = 6.0
PICTURE_MM, SMALLEST_PICTURE_MM, BETWEEN_MM = 34.0, 22.0, 2.0
#: Room for the name of a study that has no picture.
NAME_WIDTH_MM = 23.0
#: The axis goes on this far beyond its first and last day, as a share of its length, and at least so many days.
BEYOND, MIN_BEYOND_DAYS = 0.025, 5.0


@dataclass(frozen=True)
class Panel:
    """One part of the figure.

    Attributes:
        name: its key, e.g. "pain".
        top_mm: its upper edge, from the top of the figure.
    """

    name: str
    top_mm: float
    height_mm: float


@dataclass(frozen=True)
class Layout:
    """The whole figure.

    Attributes:
        height_mm: of the figure.
        head_mm: of its head, with the red flags; 0 without any.
        panels: from top to bottom; "events" is the first.
        shown: which studies, by their place in the time line, have a name above the axis.
        picture_mm: the side of their pictures; 0 where none has one.
        left_mm: of each shown study, the left edge of its picture or name.
        slot_mm: the width that each has.
        days: the first and the last day of the axis, as days since the onset.
    """

    height_mm: float
    head_mm: float
    panels: tuple[Panel, ...]
    shown: tuple[int, ...]
    picture_mm: float
    left_mm: tuple[float, ...]
    slot_mm: float
    days: tuple[float, float]

    def x_mm(self, days: float) -> float:
        """The place of a day (since the onset) from the left edge of the figure."""
        low, high = self.days
        return LABELS_MM + (days - low) / (high - low) * axis_mm()


def axis_mm() -> float:
    """The length of the time axis."""
    return WIDTH_MM - LABELS_MM - KEYS_MM


def layout(line: TimeLine) -> Layout:
    """Lay a time line out."""
    room = WIDTH_MM - 2 * MARGIN_MM
    pictures = any(study.image is not None for study in line.studies)
    slot = SMALLEST_PICTURE_MM if pictures else NAME_WIDTH_MM
    shown = spaced(len(line.studies), int((room + BETWEEN_MM) // (slot + BETWEEN_MM)))
    if shown and pictures:
        slot = min(PICTURE_MM, (room + BETWEEN_MM) / len(shown) - BETWEEN_MM)
    picture = slot if pictures and shown else 0.0
    head = ALARM_MM * len(line.alarms)
    top = MARGIN_MM + head + ((NAME_MM + picture + LEADER_MM) if shown else 0.0)
    panels = []
    for name, height in _heights(line):
        panels.append(Panel(name, top, height))
        top += height + GAP_MM
    days = _axis_days(line)
    bare = Layout(top - GAP_MM + FOOT_MM + MARGIN_MM, head, tuple(panels), shown, picture, (), slot, days)
    centres = [bare.x_mm(since(line, line.studies[n].day)) for n in shown]
    left = spread(
        [x - slot / 2 for x in centres], slot + BETWEEN_MM, (MARGIN_MM, WIDTH_MM - MARGIN_MM - slot)
    )
    return replace(bare, left_mm=tuple(left))


def since(line: TimeLine, day: date) -> float:
    """Days since the onset."""
    return float((day - line.onset).days)


def spaced(count: int, most: int) -> tuple[int, ...]:
    """At most `most` of `count` things, with the first and the last, evenly between."""
    if count <= most:
        return tuple(range(count))
    return tuple(round(n * (count - 1) / (most - 1)) for n in range(most))


def spread(wanted: Sequence[float], step: float, within: tuple[float, float]) -> list[float]:
    """Positions at least `step` apart, in the given order, as near to the wanted ones as that allows.

    Least squares under an order: isotonic regression of the positions with n steps taken off the n-th.

    Args:
        wanted: ascending.
        step: the distance from one left edge to the next.
        within: the lowest and the highest position; the steps must fit between them.
    """
    if not wanted:
        return []
    steps = step * np.arange(len(wanted))
    flat = isotonic_regression(np.asarray(wanted, dtype=np.float64) - steps).x
    positions = np.clip(flat, within[0], within[1] - steps[-1]) + steps
    return [float(position) for position in positions]


def _heights(line: TimeLine) -> list[tuple[str, float]]:
    charts = [(name, CHART_MM) for name in ("pain", "scores", "abilities") if getattr(line, name)]
    rows = [
        (name, ROW_MM * len(getattr(line, name)))
        for name in ("strength", "treatments")
        if getattr(line, name)
    ]
    volumes = [("volumes", CHART_MM)] if line.volumes else []
    return [("events", EVENTS_MM), *charts, *rows, *volumes]


def _axis_days(line: TimeLine) -> tuple[float, float]:
    low, high = since(line, line.first), since(line, line.last)
    beyond = max(MIN_BEYOND_DAYS, BEYOND * (high - low))
    return low - beyond, high + beyond
