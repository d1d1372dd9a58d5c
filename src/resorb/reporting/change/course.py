"""`course.png` and `course.svg`: volume over time with its 95 % intervals; told apart in grey by mark and dash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resorb.change import Change, LevelChange, Track
from resorb.reading import Quantity
from resorb.reporting.change.words import DAYS_PER_MONTH
from resorb.reporting.paper import DPI, INCH_MM, INK, RC, WARNING
from resorb.reporting.words import MEASURES

WIDTH_MM, HEIGHT_MM, SMALL_MM = 180.0, 78.0, 52.0
SIZE_PT, SMALL_PT = 8.0, 7.0
#: Beside the volume, of the whole level, each in a small panel where at least two dates have it.
BESIDE = ("depth_mm", "canal_occupied", "sac_area_mm2", "t2_ratio")
#: Okabe and Ito, Color Universal Design (2008), with a mark and a dash of its own each.
STYLES: tuple[tuple[str, str, str | tuple[float, tuple[float, ...]]], ...] = (
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", (0.0, (4.0, 2.0))),
    ("#009E73", "^", (0.0, (1.0, 1.5))),
    ("#CC79A7", "D", (0.0, (6.0, 2.0, 1.0, 2.0))),
)
SOFT = "#5A5A5A"
BY_NUMBER = "date"
NOTE = "Bars: 95 % intervals. An arrow is a lower bound. A smaller herniation is not recovery. Research use only."
NO_BAR = " No bar: not calibrated."
#: What stands on the same date is drawn beside each other, by this share of the axis.
ASIDE = 0.008


def draw_course(change: Change) -> Figure:
    """The course of every herniation that is followed; of every level where none is."""
    parts, whole = followed(change), levels_followed(change)
    beside = [name for name in BESIDE if any(_known(one, name) > 1 for one in whole)]
    height = HEIGHT_MM + (SMALL_MM if beside else 0.0)
    with rc_context({**RC, "font.size": SIZE_PT, "axes.linewidth": 0.6}):
        figure = Figure(figsize=(WIDTH_MM / INCH_MM, height / INCH_MM), dpi=DPI, facecolor="white")
        grid = figure.add_gridspec(
            2 if beside else 1,
            max(len(beside), 1),
            height_ratios=[HEIGHT_MM, SMALL_MM] if beside else [1],
            left=0.09,
            right=0.985,
            top=1 - 9.0 / height,
            bottom=14.0 / height,
            hspace=0.55,
            wspace=0.45,
        )
        days = positions(change)
        main = figure.add_subplot(grid[0, :])
        _plot(main, parts, "volume_mm3", days, SIZE_PT)
        _months(main, change, days, SIZE_PT)
        main.legend(frameon=False, fontsize=SMALL_PT, loc="upper right", handlelength=3.0)
        for n, name in enumerate(beside):
            axes = figure.add_subplot(grid[1, n])
            _plot(axes, whole, name, days, SMALL_PT)
            _months(axes, change, days, SMALL_PT)
        figure.text(
            0.012,
            1.6 / height,
            NOTE + ("" if _barred([*parts, *whole]) else NO_BAR),
            fontsize=SMALL_PT,
            color=SOFT,
        )
        if change.synthetic:
            figure.text(
                0.985,
                1 - 4.5 / height,
                "SYNTHETIC",
                fontsize=8.5,
                fontweight="bold",
                color=WARNING,
                ha="right",
            )
    return figure


Followed = tuple[str, dict[str, tuple[Quantity, ...]]]


def followed(change: Change) -> list[Followed]:
    """(name, quantities) of what is drawn: herniations, or whole levels where no herniation is followed."""
    if change.tracks:
        return [(_name(track, change.tracks), dict(track.quantities)) for track in change.tracks]
    return [(level.level, dict(level.quantities)) for level in change.levels]


def levels_followed(change: Change) -> list[Followed]:
    """(name, quantities) of the whole levels in which herniations are followed; of every level where none is."""
    names = {track.level for track in change.tracks}
    return [(one.level, _comparable(one)) for one in change.levels if not names or one.level in names]


def _comparable(level: LevelChange) -> dict[str, tuple[Quantity, ...]]:
    """Those quantities whose dates may be compared: signals of different sequences get no line between them."""
    barred = {
        one.quantity
        for one in level.differences
        if one.absolute.value is None
        and all(level.quantities[one.quantity][date - 1].value is not None for date in (one.first, one.last))
    }
    return {name: values for name, values in level.quantities.items() if name not in barred}


def positions(change: Change) -> list[float]:
    """Where the dates stand on the axis: months since the first, or their numbers where dates are unknown."""
    days = [one.days for one in change.dates]
    if any(day is None for day in days):
        return [float(one.number) for one in change.dates]
    return [float(day or 0.0) / DAYS_PER_MONTH for day in days]


def _name(track: Track, tracks: Sequence[Track]) -> str:
    name = f"{track.level} {track.side or ''}".strip()
    same = [one for one in tracks if (one.level, one.side) == (track.level, track.side)]
    return name if len(same) == 1 else f"{name} ({same.index(track) + 1})"


def _known(part: Followed, name: str) -> int:
    return sum(one.value is not None for one in part[1].get(name, ()))


def _barred(parts: Sequence[Followed]) -> bool:
    """Whether every value that is drawn has its interval."""
    values = [
        q for _, quantities in parts for name in ("volume_mm3", *BESIDE) for q in quantities.get(name, ())
    ]
    return all(q.low is not None and q.high is not None for q in values if q.value is not None)


def _plot(axes: Axes, parts: Sequence[Followed], name: str, days: Sequence[float], size: float) -> None:
    measure = MEASURES[name]
    unit = f", {measure.unit}" if measure.unit else ""
    axes.set_title(
        f"{measure.name[:1].upper()}{measure.name[1:]}{unit}", fontsize=size, loc="left", color=INK
    )
    top = 0.0
    for n, (label, quantities) in enumerate(parts):
        colour, mark, dash = STYLES[n % len(STYLES)]
        points = [
            (x, q) for x, q in zip(days, quantities.get(name, ()), strict=False) if q.at_least is not None
        ]
        if not points:
            continue
        span = (max(days) - min(days)) or 1.0
        points = [(at + (n - (len(parts) - 1) / 2) * ASIDE * span, quantity) for at, quantity in points]
        x = np.array([at for at, _ in points])
        y = np.array([q.at_least or 0.0 for _, q in points])
        axes.plot(
            x,
            y,
            linestyle=dash,
            color=colour,
            linewidth=1.2,
            label=label,
            marker=mark,
            markersize=4.5,
            clip_on=False,
        )
        for at, quantity in points:
            top = max(top, _bar(axes, at, quantity, colour))
    axes.set_ylim(0, 1.12 * top or 1.0)
    axes.tick_params(labelsize=size)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _bar(axes: Axes, at: float, quantity: Quantity, colour: str) -> float:
    """The interval of one point; returns its upper end."""
    if quantity.value is None:
        axes.plot(at, quantity.low or 0.0, "^", color=colour, markersize=8, markerfacecolor="white")
        return quantity.low or 0.0
    if quantity.low is None or quantity.high is None:
        return quantity.value
    reach = [[quantity.value - quantity.low], [quantity.high - quantity.value]]
    axes.errorbar(at, quantity.value, reach, color=colour, capsize=3, linewidth=1.0)
    return quantity.high


def _months(axes: Axes, change: Change, at: Sequence[float], size: float) -> None:
    known = all(one.days is not None for one in change.dates)
    axes.set_xlabel("months since the first MRI" if known else BY_NUMBER, fontsize=size)
    span = max(at) - min(at) or 1.0
    axes.set_xlim(min(at) - 0.06 * span, max(at) + 0.10 * span)
    if not known:
        axes.set_xticks(list(at), [str(one.number) for one in change.dates])
