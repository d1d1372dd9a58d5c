"""`timeline.png` and `timeline.svg`: one time axis, for print; told apart in grey by mark, dash and hatch.

Drawn with matplotlib's objects, without pyplot and its global state. Colours of Okabe and Ito, Color Universal Design
(2008).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import RcKeyType

from resorb.clinic.timeline.layout import (
    ALARM_MM,
    LABELS_MM,
    LEADER_MM,
    MARGIN_MM,
    NAME_MM,
    WIDTH_MM,
    Layout,
    Panel,
    axis_mm,
    layout,
    since,
)
from resorb.clinic.timeline.panels import DRAWN, FONT, INK, OPERATION, SMALL, SOFT, TITLE
from resorb.clinic.timeline.tracks import StudyMark, TimeLine

INCH_MM, DPI = 25.4, 200
PNG_COMPRESSION = 3
VISIT, STUDY, ALARM = "#DDDDDD", "#8A8A8A", "#A33B00"
DASHED, DASH_DOTTED = (0.0, (4.0, 3.0)), (0.0, (6.0, 2.0, 1.0, 2.0))
TICKS = 7
#: Distances between the ticks of the axis, days.
TICK_DAYS = (1, 2, 7, 14, 28, 56, 91, 182, 365, 730, 1826, 3652, 7305, 14610)
DAYS_PER_MONTH = 30.4375  # mean of the Gregorian calendar
RC: dict[RcKeyType, object] = {
    "font.family": [FONT],
    "font.size": SMALL,
    "svg.fonttype": "path",
    "svg.hashsalt": "resorb",
    "hatch.linewidth": 0.5,
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
}
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def write_time_line(line: TimeLine, folder: Path, *, synthetic: bool = False) -> str:
    """Write `timeline.png` and `timeline.svg` into a folder; the same time line gives the same bytes.

    Args:
        synthetic: the images are simulated, which the figure then says.

    Returns:
        The SVG's text.

    Raises:
        OSError: a file cannot be written.
    """
    with rc_context(RC):
        figure = draw(line, synthetic=synthetic)
        small = {"compress_level": PNG_COMPRESSION}
        path = folder / "timeline.png"
        figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None}, pil_kwargs=small)
        for axes in figure.axes:
            for image in axes.images:
                image.set_interpolation("none")
        text = io.StringIO()
        figure.savefig(text, format="svg", dpi=DPI, metadata=NO_METADATA)
    (folder / "timeline.svg").write_text(text.getvalue(), encoding="utf-8")
    return text.getvalue()


def draw(line: TimeLine, *, synthetic: bool = False) -> Figure:
    """The figure; each panel is an `Axes` labelled with its name, its x values are days since the onset."""
    plan = layout(line)
    size = (WIDTH_MM / INCH_MM, plan.height_mm / INCH_MM)
    figure = Figure(figsize=size, dpi=DPI, facecolor="white")
    for panel in plan.panels:
        axes = _axes(figure, plan, panel)
        _backdrop(axes, line)
        DRAWN[panel.name](axes, line)
    _dates(figure.axes[-1], line, plan)
    _alarms(figure, line, plan)
    _studies(figure, line, plan)
    _foot(figure, line, plan, synthetic)
    return figure


def _axes(figure: Figure, plan: Layout, panel: Panel) -> Axes:
    height = plan.height_mm
    bottom = height - panel.top_mm - panel.height_mm
    box = (LABELS_MM / WIDTH_MM, bottom / height, axis_mm() / WIDTH_MM, panel.height_mm / height)
    axes = figure.add_axes(box, label=panel.name)
    axes.set_xlim(*plan.days)
    axes.tick_params(axis="both", labelsize=SMALL, length=2, colors=INK)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes


def _backdrop(axes: Axes, line: TimeLine) -> None:
    """Behind everything, lines: thin at visits, dashed at studies, dash-dotted at operations, solid at the onset."""
    marks: tuple[tuple[list[float], str, float, tuple[float, Sequence[float]] | Literal["solid"]], ...] = (
        ([since(line, day) for day in line.visits], VISIT, 0.4, "solid"),
        ([since(line, study.day) for study in line.studies], STUDY, 0.6, DASHED),
        ([since(line, day) for day in line.operations], OPERATION, 1.0, DASH_DOTTED),
        ([0.0], INK, 0.8, "solid"),
    )
    across = axes.get_xaxis_transform()
    for days, colour, width, style in marks:
        axes.vlines(days, 0, 1, transform=across, colors=colour, linewidths=width, linestyles=style, zorder=0)


def _dates(axes: Axes, line: TimeLine, plan: Layout) -> None:
    """Dates with the months since the onset below the lowest panel."""
    low, high = plan.days
    step = next((days for days in TICK_DAYS if (high - low) / days <= TICKS), TICK_DAYS[-1])
    ticks = np.arange(np.ceil(low / step) * step, high, step)
    axes.tick_params(axis="x", bottom=True, labelbottom=True)
    axes.set_xticks(ticks, [_date(line, float(tick)) for tick in ticks])


def _date(line: TimeLine, days: float) -> str:
    day = np.datetime64(line.onset) + np.timedelta64(int(days), "D")
    months = days / DAYS_PER_MONTH
    after = "onset" if days == 0 else f"{months:+.1f} mo".replace("-", "\N{MINUS SIGN}")
    return f"{day}\n{after}"


def _alarms(figure: Figure, line: TimeLine, plan: Layout) -> None:
    """What the red flags call for, before everything else."""
    for n, action in enumerate(line.alarms):
        y = 1 - (MARGIN_MM + ALARM_MM * (n + 0.5)) / plan.height_mm
        box: dict[str, Any] = {"boxstyle": "square,pad=0.35", "facecolor": "white", "edgecolor": ALARM}
        style: dict[str, Any] = {"fontsize": TITLE, "weight": "bold", "color": ALARM, "va": "center"}
        figure.text((MARGIN_MM + 1) / WIDTH_MM, y, f"RED FLAG. {action}", bbox=box, **style)


def _studies(figure: Figure, line: TimeLine, plan: Layout) -> None:
    """Names and pictures above the axis, each with a leader to its day."""
    height = plan.height_mm
    top = height - MARGIN_MM - plan.head_mm - NAME_MM
    lower = top - plan.picture_mm
    for place, left in zip(plan.shown, plan.left_mm, strict=True):
        study = line.studies[place]
        middle = left + plan.slot_mm / 2
        name = f"{study.name} {study.day}"
        figure.text(middle / WIDTH_MM, (top + 0.6) / height, name, color=INK, ha="center", va="bottom")
        if plan.picture_mm:
            size = (plan.slot_mm / WIDTH_MM, plan.picture_mm / height)
            _picture(figure, study, f"study {place + 1}", (left / WIDTH_MM, lower / height, *size))
        x = (middle / WIDTH_MM, plan.x_mm(since(line, study.day)) / WIDTH_MM)
        y = (lower / height, (lower - LEADER_MM) / height)
        leader = Line2D(x, y, transform=figure.transFigure, color=STUDY, linewidth=0.6, linestyle=DASHED)
        figure.add_artist(leader)


def _picture(figure: Figure, study: StudyMark, name: str, box: tuple[float, float, float, float]) -> None:
    """The picture of a study, or a frame that says that there is none."""
    axes = figure.add_axes(box, label=name)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(SOFT)
    if study.image is None:
        middle: dict[str, Any] = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, "no picture", color=SOFT, **middle)
    else:
        axes.imshow(study.image, cmap="gray", vmin=0, vmax=255, interpolation="bilinear")


def _foot(figure: Figure, line: TimeLine, plan: Layout, synthetic: bool) -> None:
    said = ["Research use only; not a medical device. What an MRI shows does not tell who has recovered."]
    if len(plan.shown) < len(line.studies):
        said.append(f"{len(plan.shown)} of {len(line.studies)} studies are named above the axis.")
    if line.full:
        n = len(line.full)
        said.append(f"Never found weak: {n} movement{'s' if n > 1 else ''} examined, not drawn.")
    y = (MARGIN_MM + 0.5) / plan.height_mm
    figure.text(MARGIN_MM / WIDTH_MM, y, " ".join(said), fontsize=SMALL, color=INK, va="bottom")
    if synthetic:
        figure.text(
            1 - MARGIN_MM / WIDTH_MM, y, "SYNTHETIC IMAGES", fontsize=SMALL + 1, weight="bold", ha="right"
        )
