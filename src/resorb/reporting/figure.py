"""`figure.png` and `figure.svg`: the worst level large, the whole slice beside it, for print.

Sizes are true: the large picture is `MAIN_MM` wide on paper.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from resorb.reading import Reading
from resorb.reporting import paper
from resorb.reporting.paper import DPI, INCH_MM, INK, RC, WARNING
from resorb.reporting.scene import REFERENCE, REFERENCE_WORDS, Kind, Scene
from resorb.reporting.words import calibrated, phrase

MAIN_MM, MARGIN_MM, GAP_MM, FOOT_MM = 112.0, 4.0, 3.0, 20.0


def write_figure(reading: Reading, main: Scene, overview: Scene, png: Path, svg: Path) -> None:
    """Draw the two scenes side by side with legend and caption; the same scenes give the same bytes.

    Raises:
        OSError: a file cannot be written.
    """
    with rc_context(RC):
        paper.save(_figure(reading, main, overview), png, svg)


def _figure(reading: Reading, main: Scene, overview: Scene) -> Figure:
    side = MAIN_MM * overview.width_mm / overview.height_mm
    width = 2 * MARGIN_MM + MAIN_MM + GAP_MM + side
    height = 2 * MARGIN_MM + MAIN_MM + FOOT_MM
    figure = Figure(figsize=(width / INCH_MM, height / INCH_MM), dpi=DPI, facecolor="white")
    bottom = MARGIN_MM + FOOT_MM
    large = paper.scene_axes(figure, (MARGIN_MM, bottom, MAIN_MM, MAIN_MM), main)
    small = paper.scene_axes(figure, (MARGIN_MM + MAIN_MM + GAP_MM, bottom, side, MAIN_MM), overview)
    paper.draw(large, main, font_pt=10.0, width=1.0)
    paper.draw(small, overview, font_pt=7.0, width=0.6)
    paper.letters(large, main)
    paper.scale_bar(large, main)
    _foot(figure, reading, main, overview, width, height)
    return figure


def _foot(
    figure: Figure, reading: Reading, main: Scene, overview: Scene, width: float, height: float
) -> None:
    """Legend, caption and statement below the pictures."""
    kinds = [kind for kind in Kind if kind in {*main.kinds, *overview.kinds}]
    entries: list[Patch | Line2D] = [paper.legend_key(kind) for kind in kinds]
    if main.reference is not None:
        key = Line2D([], [], label=REFERENCE_WORDS, color=INK, linewidth=1.2, linestyle=(0, REFERENCE.dash))
        entries.append(key)
    figure.legend(
        handles=entries,
        loc="upper left",
        bbox_to_anchor=((MARGIN_MM - 1.5) / width, (MARGIN_MM + FOOT_MM - 1.0) / height),
        ncols=len(entries) or 1,
        frameon=False,
        fontsize=7.5,
        handlelength=2.0,
        columnspacing=1.4,
        borderpad=0.2,
        labelcolor=INK,
    )
    for line, above_mm in zip(caption(reading, main), (10.6, 6.4), strict=True):
        y = (MARGIN_MM + above_mm) / height
        figure.text(MARGIN_MM / width, y, line, fontsize=8.5, color=INK, va="center")
    y = (MARGIN_MM + 1.6) / height
    intervals = "" if calibrated(reading) else " Intervals not calibrated."
    note = f"Research use only; not a medical device.{intervals}"
    figure.text(MARGIN_MM / width, y, note, fontsize=7.5, color=INK, va="center")
    if reading.synthetic:
        figure.text(
            1 - MARGIN_MM / width,
            y,
            "SYNTHETIC",
            fontsize=9,
            fontweight="bold",
            color=WARNING,
            ha="right",
            va="center",
        )


def caption(reading: Reading, main: Scene) -> tuple[str, str]:
    """Two lines: level, date and slice; and the finding of this level."""
    date = reading.study_date.isoformat() if reading.study_date else "date unknown"
    worst = reading.worst
    if worst is None:
        return f"{date} · sagittal T2", "no level could be measured"
    what = (
        f"displaced disc material {phrase('depth_mm', worst.deepest_mm)} deep"
        if worst.displaced
        else "no focal displaced disc material"
    )
    return f"{worst.level} · {date} · sagittal T2, {main.place}", what
