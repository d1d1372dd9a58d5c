"""`figure.png` and `figure.svg`: the worst level large, the whole slice beside it, for print.

Drawn with matplotlib's objects, without pyplot and its global state. Sizes are true: the large picture is
`MAIN_MM` wide on paper.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch, PathPatch, Rectangle
from matplotlib.path import Path as Outline2D
from matplotlib.patheffects import Normal, withStroke
from matplotlib.typing import RcKeyType

from resorb.reading import Reading
from resorb.reporting.scene import REFERENCE, REFERENCE_WORDS, STYLES, Kind, Outline, Scene
from resorb.reporting.svg import SCALE_BAR_MM
from resorb.reporting.words import calibrated, phrase

MAIN_MM, MARGIN_MM, GAP_MM, FOOT_MM = 112.0, 4.0, 3.0, 20.0
DPI = 250
PNG_COMPRESSION = 3  # of 9: half the time of the usual 6, for a file a twentieth larger
HATCH = "////"
INCH_MM = 25.4
INK = "#1A1A1A"
WARNING = "#B03A00"
RC: dict[RcKeyType, object] = {
    "font.family": ["DejaVu Sans"],
    "svg.fonttype": "path",
    "svg.hashsalt": "resorb",
    "hatch.linewidth": 0.7,
    "path.simplify": False,
}


def write_figure(reading: Reading, main: Scene, overview: Scene, png: Path, svg: Path) -> None:
    """Draw the two scenes side by side with legend and caption; the same scenes give the same bytes.

    Raises:
        OSError: a file cannot be written.
    """
    with rc_context(RC):
        figure = _figure(reading, main, overview)
        figure.savefig(
            png,
            format="png",
            dpi=DPI,
            metadata={"Software": None},
            pil_kwargs={"compress_level": PNG_COMPRESSION},
        )
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(svg, format="svg", dpi=DPI, metadata=no_metadata)


def _figure(reading: Reading, main: Scene, overview: Scene) -> Figure:
    side = MAIN_MM * overview.width_mm / overview.height_mm
    width = 2 * MARGIN_MM + MAIN_MM + GAP_MM + side
    height = 2 * MARGIN_MM + MAIN_MM + FOOT_MM
    figure = Figure(figsize=(width / INCH_MM, height / INCH_MM), dpi=DPI, facecolor="white")
    bottom = MARGIN_MM + FOOT_MM
    large = _axes(figure, (MARGIN_MM, bottom, MAIN_MM, MAIN_MM), main)
    small = _axes(figure, (MARGIN_MM + MAIN_MM + GAP_MM, bottom, side, MAIN_MM), overview)
    _draw(large, main, font_pt=10.0, width=1.0)
    _draw(small, overview, font_pt=7.0, width=0.6)
    _letters(large, main)
    _scale_bar(large, main)
    _foot(figure, reading, main, overview, width, height)
    return figure


def _axes(figure: Figure, box_mm: tuple[float, float, float, float], scene: Scene) -> Axes:
    """Axes of a given place on paper whose data are the scene's millimetres, y downwards."""
    width, height = (float(s) * INCH_MM for s in figure.get_size_inches())
    x, y, w, h = box_mm
    axes = figure.add_axes((x / width, y / height, w / width, h / height))
    axes.set_axis_off()
    axes.imshow(
        scene.pixels,
        cmap="gray",
        vmin=0,
        vmax=255,
        extent=(0, scene.width_mm, scene.height_mm, 0),
        interpolation="bicubic",
        aspect="auto",
    )
    axes.set_xlim(0, scene.width_mm)
    axes.set_ylim(scene.height_mm, 0)
    return axes


def _draw(axes: Axes, scene: Scene, font_pt: float, width: float) -> None:
    for outline in scene.outlines:
        for patch in _patches(outline, width):
            axes.add_patch(patch)
    if scene.reference is not None:
        x, y = scene.reference.T
        under = withStroke(linewidth=REFERENCE.width_pt * width + 1.2, foreground="black")
        axes.plot(
            x,
            y,
            color=REFERENCE.colour,
            linewidth=REFERENCE.width_pt * width,
            linestyle=(0, REFERENCE.dash),
            path_effects=[under, Normal()],
            zorder=5,
        )
    if scene.box is not None:
        box = scene.box
        axes.add_patch(
            Rectangle((box.x, box.y), box.width, box.height, fill=False, edgecolor="white", linewidth=0.9)
        )
    if scene.arrow is not None:
        axes.add_patch(
            FancyArrowPatch(
                tuple(scene.arrow.tail.tolist()),
                tuple(scene.arrow.tip.tolist()),
                arrowstyle="simple,head_length=0.75,head_width=0.75,tail_width=0.22",
                mutation_scale=15,
                facecolor="white",
                edgecolor="black",
                linewidth=0.7,
                shrinkA=0,
                shrinkB=0,
                zorder=6,
            )
        )
    for name in scene.names:
        _text(axes, name.x, name.y, name.text, font_pt, ha="right" if name.end else "center")


def _patches(outline: Outline, width: float) -> tuple[PathPatch, ...]:
    style = STYLES[outline.kind]
    vertices = np.concatenate(outline.loops)
    codes = np.concatenate(
        [
            np.array([Outline2D.MOVETO] + [Outline2D.LINETO] * (len(loop) - 2) + [Outline2D.CLOSEPOLY])
            for loop in outline.loops
        ]
    )
    path, zorder = Outline2D(vertices, codes), 4 if style.hatched else 3
    edge = PathPatch(
        path,
        facecolor="none",
        edgecolor=style.colour,
        linewidth=style.width_pt * width,
        linestyle=(0, style.dash) if style.dash else "solid",
        hatch=HATCH if style.hatched else None,
        zorder=zorder,
    )
    # Filled apart from the hatch: SVG would draw the hatch with the fill's transparency.
    fill = PathPatch(path, facecolor=(style.colour, style.fill), edgecolor="none", linewidth=0, zorder=zorder)
    return (fill, edge) if style.fill else (edge,)


def _text(axes: Axes, x: float, y: float, text: str, size: float, ha: str = "center") -> None:
    axes.text(
        x,
        y,
        text,
        color="white",
        fontsize=size,
        fontweight="bold",
        ha=ha,
        va="center",
        zorder=7,
        clip_on=True,
        path_effects=[withStroke(linewidth=size / 5, foreground="black")],
    )


def _letters(axes: Axes, scene: Scene) -> None:
    left, right, top, bottom = scene.letters
    w, h, edge = scene.width_mm, scene.height_mm, 2.2
    for x, y, letter in (
        (edge, h / 2, left),
        (w - edge, h / 2, right),
        (w / 2, edge, top),
        (w / 2, h - edge, bottom),
    ):
        _text(axes, x, y, letter, 10.0)


def _scale_bar(axes: Axes, scene: Scene) -> None:
    x, y = 3.0, scene.height_mm - 3.0
    for colour, width in (("black", 4.4), ("white", 2.6)):
        axes.plot(
            [x, x + SCALE_BAR_MM], [y, y], color=colour, linewidth=width, solid_capstyle="butt", zorder=6
        )
    _text(axes, x + SCALE_BAR_MM / 2, y - 2.4, f"{SCALE_BAR_MM:g} mm", 9.0)


def _foot(
    figure: Figure, reading: Reading, main: Scene, overview: Scene, width: float, height: float
) -> None:
    """Legend, caption and statement below the pictures."""
    kinds = [kind for kind in Kind if kind in {*main.kinds, *overview.kinds}]
    entries: list[Patch | Line2D] = [_key(kind) for kind in kinds]
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
    y = (MARGIN_MM + 6.6) / height
    figure.text(MARGIN_MM / width, y, caption(reading, main), fontsize=8.5, color=INK, va="center")
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


def _key(kind: Kind) -> Patch:
    """A legend entry; white lines are shown in ink, paper being white."""
    style = STYLES[kind]
    colour = INK if style.colour == "#FFFFFF" else style.colour
    return Patch(
        label=kind.words,
        facecolor=_on_paper(colour, style.fill),
        edgecolor=colour,
        linewidth=1.2,
        linestyle=(0, style.dash) if style.dash else "solid",
        hatch=HATCH if style.hatched else None,
    )


def _on_paper(colour: str, opacity: float) -> tuple[float, float, float]:
    """The opaque colour that a transparent one has on white."""
    red, green, blue = (1 - opacity * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def caption(reading: Reading, main: Scene) -> str:
    """One line: level, date, slice, and the finding of this level."""
    date = reading.study_date.isoformat() if reading.study_date else "date unknown"
    worst = reading.worst
    if worst is None:
        return f"{date} · sagittal T2 · no level could be measured"
    what = (
        f"displaced disc material {phrase('depth_mm', worst.depth_mm)} deep"
        if worst.displaced
        else "no focal displaced disc material"
    )
    return f"{worst.level} · {date} · sagittal T2, {main.place} · {what}"
