"""The panels of the time line, each drawn into its own axes; x is days since the onset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from resorb.clinic.timeline.layout import axis_mm, since
from resorb.clinic.timeline.tracks import GradeRow, Point, Series, TimeLine

Dash = Literal["-", "--", ":", "-.", ""]
#: Colour, mark, dash.
Style = tuple[str, str, Dash]
FONT = "DejaVu Sans"
INK, SOFT, OPERATION = "#1A1A1A", "#5A5A5A", "#D55E00"
SMALL, TITLE = 6.5, 7.5
#: Colour, mark and dash of each kind; the first three of a panel differ most in grey.
STYLES: dict[str, Style] = {
    "left leg": ("#0072B2", "s", "-"),
    "right leg": ("#D55E00", "^", "--"),
    "back": ("#5A5A5A", "o", ":"),
}
CYCLE: tuple[Style, ...] = (
    ("#0072B2", "s", "-"),
    ("#D55E00", "^", "--"),
    ("#5A5A5A", "o", ":"),
    ("#009E73", "D", "-."),
)
#: Shades of MRC 0 to 5, dark to light: the weaker the darker.
GRADES = ("#000000", "#2B2B2B", "#5A4630", "#A86A00", "#E69F00", "#EDEDED")
FULL = 5
#: The lowest grade whose bar holds its number; from this grade on the shade is light.
LOWEST_INSIDE, LIGHT = 3, 4
#: A bar of a grade is this wide where there is room, and at least so; its number needs this much around it.
GRADE_MM, MIN_GRADE_MM, NUMBER_MM = 3.0, 0.7, 2.6
BAR = 0.72  # of the height of a row
SHORTEST_MM = 0.8


def _events(axes: Axes, line: TimeLine) -> None:
    """When it began, each visit, each study."""
    axes.set_ylim(-0.5, 2.5)
    axes.set_yticks([2, 1, 0], ["onset", "visits", "studies"])
    onset = [0.0] if line.leg is None else [0.0, since(line, line.leg)]
    axes.plot(
        onset[:1],
        [2],
        "v",
        color=INK,
        markersize=5,
        label="onset, approximate" if line.approximate else "onset",
    )
    if line.leg is not None:
        axes.plot(onset[1:], [2], "v", markerfacecolor="white", color=INK, markersize=5, label="leg symptoms")
    visits = [since(line, day) for day in line.visits]
    axes.plot(visits, np.ones(len(visits)), "|", color=INK, markersize=6, markeredgewidth=0.8, label="visit")
    studies = [since(line, study.day) for study in line.studies]
    axes.plot(
        studies,
        np.zeros(len(studies)),
        "D",
        color="#CC79A7",
        markeredgecolor=INK,
        markersize=3.5,
        markeredgewidth=0.5,
        label="study",
    )
    axes.spines["left"].set_visible(False)
    _key(axes, ncols=2)


def _pain(axes: Axes, line: TimeLine) -> None:
    _title(axes, "Pain, numeric rating (0 none, 10 worst)")
    for series in line.pain:
        _plot(axes, line, series, STYLES[series.name])
    axes.set_ylim(-0.6, 10.6)
    axes.set_yticks([0, 5, 10])
    _key(axes)


def _scores(axes: Axes, line: TimeLine) -> None:
    _per_cent(axes, line, line.scores, "Disability and bothersomeness, % of the scale: low is good")


def _abilities(axes: Axes, line: TimeLine) -> None:
    _per_cent(axes, line, line.abilities, "SF-36, % of the scale: high is good")


def _per_cent(axes: Axes, line: TimeLine, series: Sequence[Series], title: str) -> None:
    _title(axes, title)
    for one, style in zip(series, cycle(CYCLE), strict=False):
        _plot(axes, line, one, style)
    axes.set_ylim(-6, 106)
    axes.set_yticks([0, 50, 100])
    _key(axes)


def _strength(axes: Axes, line: TimeLine) -> None:
    """A row per movement; the lower and darker the bar, the weaker."""
    _title(axes, "Strength, MRC grade by movement and side (roots)")
    _rows(axes, [row.name for row in line.strength])
    low, high = axes.get_xlim()
    day_mm = axis_mm() / (high - low)
    for place, row in enumerate(line.strength):
        _grades(axes, line, row, place, day_mm)
    shown = (5, 4, 3, 2, 1, 0)
    keys = [Patch(facecolor=GRADES[g], edgecolor=INK, linewidth=0.4, label=f"MRC {g}") for g in shown]
    _key(axes, keys, ncols=2)


def _grades(axes: Axes, line: TimeLine, row: GradeRow, place: int, day_mm: float) -> None:
    days = np.array([since(line, day) for day, _ in row.grades])
    gaps = np.diff(days) * day_mm
    width = float(np.clip(gaps.min(initial=GRADE_MM), MIN_GRADE_MM, GRADE_MM)) / day_mm
    foot = place + BAR / 2
    bars = []
    for day, (_, grade) in zip(days, row.grades, strict=True):
        height = BAR * max(grade, 0.4) / FULL
        bars.append(Rectangle((day - width / 2, foot - height), width, height))
    colours = [GRADES[grade] for _, grade in row.grades]
    axes.add_collection(PatchCollection(bars, facecolors=colours, edgecolors=INK, linewidths=0.3, zorder=3))
    taken = -np.inf
    for n, (day, (_, grade)) in enumerate(zip(days, row.grades, strict=True)):
        changed = n in (0, len(days) - 1) or grade != row.grades[n - 1][1]
        crowded = bool((np.abs(days - day)[np.arange(len(days)) != n] * day_mm < NUMBER_MM).any())
        # Among crowded bars a number would hide its neighbours: the shade and the height tell the grade there.
        if crowded or (not changed and (day - taken) * day_mm < 2 * NUMBER_MM):
            continue
        taken = day
        _number(axes, day, foot, grade)


def _number(axes: Axes, day: float, foot: float, grade: int) -> None:
    """The grade inside its bar, or above a bar that is too low for it."""
    inside = grade >= LOWEST_INSIDE
    middle = grade / 2 if inside else grade + (FULL - grade) / 2
    colour = "white" if inside and grade < LIGHT else INK
    y = foot - BAR * middle / FULL
    style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": SMALL - 0.5}
    axes.text(day, y, str(grade), color=colour, zorder=4, **style)


def _treatments(axes: Axes, line: TimeLine) -> None:
    """A row per treatment; the height of a medicine's bar is its dose against its highest."""
    _title(axes, "Treatments (height: dose against its highest; MME: oral morphine equivalents)")
    _rows(axes, [row.name for row in line.treatments])
    low, high = axes.get_xlim()
    shortest = SHORTEST_MM / axis_mm() * (high - low)
    bars, goes_on, days = [], [], []
    for place, row in enumerate(line.treatments):
        foot = place + BAR / 2
        for bar in row.bars:
            start = max(since(line, bar.start), low)
            end = high if bar.end is None else since(line, bar.end) + 1
            if end > low:
                height = BAR * bar.height
                bars.append(Rectangle((start, foot - height), max(end - start, shortest), height))
                goes_on += [(high, foot - height / 2)] if bar.end is None else []
        days += [(since(line, day), place) for day in row.days if since(line, day) >= low]
    axes.add_collection(
        PatchCollection(bars, facecolors="#56B4E9", edgecolors=INK, linewidths=0.4, hatch="////", zorder=3)
    )
    keys: list[Patch | Line2D] = [
        Patch(facecolor="#56B4E9", edgecolor=INK, linewidth=0.4, hatch="////", label="from first to last day")
    ]
    if goes_on:
        keys.append(_marks(axes, goes_on, ">", "#56B4E9", "goes on"))
    if days:
        keys.append(_marks(axes, days, "P", OPERATION, "on one day"))
    _key(axes, keys)


def _marks(axes: Axes, at: Sequence[tuple[float, float]], mark: str, colour: str, label: str) -> Line2D:
    x, y = zip(*at, strict=True)
    axes.plot(
        x,
        y,
        mark,
        color=colour,
        markersize=5,
        markeredgecolor=INK,
        markeredgewidth=0.5,
        zorder=4,
        clip_on=False,
    )
    return _sample(mark, "", colour, colour, label)


def _volumes(axes: Axes, line: TimeLine) -> None:
    """Disc material behind the reference line with its 95 % interval; an arrow is a lower bound."""
    _title(axes, "Disc material behind the reference line, mm³")
    keys: list[Patch | Line2D] = []
    for series, style in zip(line.volumes, cycle(CYCLE), strict=False):
        colour, mark, dash = style
        days = [since(line, point.day) for point in series.points]
        values = [_height(point) for point in series.points]
        axes.plot(days, values, color=colour, linestyle=dash, linewidth=1.0, label=series.name)
        for day, point in zip(days, series.points, strict=True):
            _volume(axes, day, point, colour, mark)
        keys.append(_sample(mark, dash, colour, colour, series.name))
    points = [point for series in line.volumes for point in series.points]
    highest = max(max(_height(point), point.high or 0.0) for point in points)
    axes.set_ylim(0, 1.12 * highest or 1.0)
    if not all(point.marked for point in points):
        keys.append(_sample("s", "", SOFT, "white", "open: none flagged"))
    if any(point.value is None for point in points):
        keys.append(_sample("^", "", SOFT, "white", "lower bound"))
    if any(point.value is not None and point.low is None for point in points):
        keys.append(_sample("", "", SOFT, SOFT, "no bar: not calibrated"))
    _key(axes, keys)


def _height(point: Point) -> float:
    return point.value if point.value is not None else point.low or 0.0


def _volume(axes: Axes, day: float, point: Point, colour: str, mark: str) -> None:
    if point.value is None:
        axes.plot(day, _height(point), "^", color=colour, markersize=7, markerfacecolor="white")
        return
    if point.low is not None and point.high is not None:
        reach = [[point.value - point.low], [point.high - point.value]]
        axes.errorbar(day, point.value, reach, color=colour, capsize=2, linewidth=0.9)
    inside = colour if point.marked else "white"
    axes.plot(day, point.value, mark, color=colour, markersize=4.5, markerfacecolor=inside)


def _sample(mark: str, dash: Dash, colour: str, inside: str, label: str) -> Line2D:
    """An entry of a key."""
    return Line2D(
        [], [], color=colour, linestyle=dash, marker=mark, markersize=4.5, markerfacecolor=inside, label=label
    )


def _plot(axes: Axes, line: TimeLine, series: Series, style: Style) -> None:
    colour, mark, dash = style
    days = [since(line, point.day) for point in series.points]
    size = 4.0 if len(days) < 40 else 2.5
    axes.plot(
        days,
        [_height(point) for point in series.points],
        color=colour,
        marker=mark,
        linestyle=dash,
        linewidth=1.1,
        markersize=size,
        label=series.name,
        clip_on=False,
        zorder=3,
    )


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [_printable(name) for name in names], parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.hlines(
        np.arange(len(names)) + BAR / 2,
        0,
        1,
        transform=axes.get_yaxis_transform(),
        colors="#BBBBBB",
        linewidths=0.4,
        zorder=1,
    )
    axes.spines["left"].set_visible(False)


def _printable(name: str) -> str:
    """A name with `?` for what the font cannot show; the page's table gives it as it was written."""
    font = get_font(findfont(FONT))
    return "".join(letter if font.get_char_index(ord(letter)) else "?" for letter in name)


def _title(axes: Axes, words: str) -> None:
    axes.set_title(words, fontsize=TITLE, fontweight="bold", loc="left", pad=3, color=INK)


def _key(axes: Axes, handles: Sequence[Patch | Line2D] | None = None, ncols: int = 1) -> None:
    given = {} if handles is None else {"handles": handles}
    axes.legend(
        **given,
        loc="center left",
        bbox_to_anchor=(1.012, 0.5),
        frameon=False,
        fontsize=SMALL,
        ncols=ncols,
        handlelength=2.2,
        columnspacing=1.0,
        labelspacing=0.35,
        borderpad=0,
        borderaxespad=0,
    )


#: What draws each panel, by its name.
DRAWN: dict[str, Callable[[Axes, TimeLine], None]] = {
    "events": _events,
    "pain": _pain,
    "scores": _scores,
    "abilities": _abilities,
    "strength": _strength,
    "treatments": _treatments,
    "volumes": _volumes,
}
