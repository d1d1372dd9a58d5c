"""Scenes on paper: drawn with matplotlib's objects, without pyplot and its global state; for every printed figure."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Patch, PathPatch, Rectangle
from matplotlib.path import Path as Outline2D
from matplotlib.patheffects import Normal, withStroke
from matplotlib.typing import RcKeyType

from resorb.reporting.scene import REFERENCE, STYLES, Arrow, Kind, Outline, Scene
from resorb.reporting.svg import SCALE_BAR_MM

DPI = 250
PNG_COMPRESSION = 3  # of 9: half the time of the usual 6, for a file a twentieth larger
#: By the way a hatch runs, degrees.
HATCHES: dict[int | None, str | None] = {45: "////", -45: "\\\\\\\\", 90: "||||", None: None}
INCH_MM = 25.4
INK = "#1A1A1A"
WARNING = "#B03A00"
#: What an SVG's layer of outlines is called, to be switched off in a drawing program.
OUTLINES_ID = "outlines"
RC: dict[RcKeyType, object] = {
    "font.family": ["DejaVu Sans"],
    "svg.fonttype": "path",
    "svg.hashsalt": "resorb",
    "hatch.linewidth": 0.7,
    "path.simplify": False,
}


def save(figure: Figure, png: Path, svg: Path | None = None) -> None:
    """Write a figure; the same one gives the same bytes.

    Raises:
        OSError: a file cannot be written.
    """
    small = {"compress_level": PNG_COMPRESSION}
    figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None}, pil_kwargs=small)
    if svg is not None:
        save_svg(figure, svg)


def save_svg(figure: Figure, file: Path | BinaryIO) -> None:
    """Write a figure as SVG, without a date.

    Raises:
        OSError: the file cannot be written.
    """
    no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context(RC):
        figure.savefig(file, format="svg", dpi=DPI, metadata=no_metadata)


def scene_axes(figure: Figure, box_mm: tuple[float, float, float, float], scene: Scene) -> Axes:
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


def draw(axes: Axes, scene: Scene, font_pt: float, width: float) -> None:
    """Outlines, reference line, frame, arrow and names of a scene; lines `width` times as thick as usual."""
    for outline in scene.outlines:
        for patch in _patches(outline, width):
            patch.set_gid(OUTLINES_ID)
            axes.add_artist(patch)  # not add_patch: the axes have their limits, which it would work out again
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
        axes.add_patch(_arrow(scene.arrow, width))
    for name in scene.names:
        text(axes, name.x, name.y, name.text, font_pt, ha="right" if name.end else "center")


def _arrow(arrow: Arrow, width: float) -> FancyArrowPatch:
    patch = FancyArrowPatch(
        tuple(arrow.tail.tolist()),
        tuple(arrow.tip.tolist()),
        arrowstyle="simple,head_length=0.75,head_width=0.75,tail_width=0.22",
        mutation_scale=15 * width,
        facecolor="none" if arrow.hollow else "white",
        edgecolor="white" if arrow.hollow else "black",
        linewidth=1.1 if arrow.hollow else 0.7,
        shrinkA=0,
        shrinkB=0,
        zorder=6,
    )
    if arrow.hollow:
        patch.set_path_effects([withStroke(linewidth=2.2, foreground="black")])
    return patch


def _patches(outline: Outline, width: float) -> tuple[PathPatch, ...]:
    style = STYLES[outline.kind]
    vertices = np.concatenate(outline.loops)
    codes = np.concatenate(
        [
            np.array([Outline2D.MOVETO] + [Outline2D.LINETO] * (len(loop) - 2) + [Outline2D.CLOSEPOLY])
            for loop in outline.loops
        ]
    )
    path, zorder = Outline2D(vertices, codes), 4 if style.hatch_deg is not None else 3
    edge = PathPatch(
        path,
        facecolor="none",
        edgecolor=style.colour,
        linewidth=style.width_pt * width,
        linestyle=(0, style.dash) if style.dash else "solid",
        hatch=HATCHES[style.hatch_deg],
        zorder=zorder,
    )
    # Filled apart from the hatch: SVG would draw the hatch with the fill's transparency.
    fill = PathPatch(path, facecolor=(style.colour, style.fill), edgecolor="none", linewidth=0, zorder=zorder)
    return (fill, edge) if style.fill else (edge,)


def text(axes: Axes, x: float, y: float, text: str, size: float, ha: str = "center") -> None:
    """White letters with a black edge, seen on any grey."""
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


def letters(axes: Axes, scene: Scene, font_pt: float = 10.0) -> None:
    """The orientation at the four edges."""
    left, right, top, bottom = scene.letters
    w, h, edge = scene.width_mm, scene.height_mm, 2.2
    for x, y, letter in (
        (edge, h / 2, left),
        (w - edge, h / 2, right),
        (w / 2, edge, top),
        (w / 2, h - edge, bottom),
    ):
        text(axes, x, y, letter, font_pt)


def scale_bar(axes: Axes, scene: Scene, font_pt: float = 9.0) -> None:
    """A bar of 10 mm in the lower left corner."""
    x, y = 3.0, scene.height_mm - 3.0
    for colour, width in (("black", 4.4), ("white", 2.6)):
        axes.plot(
            [x, x + SCALE_BAR_MM], [y, y], color=colour, linewidth=width, solid_capstyle="butt", zorder=6
        )
    text(axes, x + SCALE_BAR_MM / 2, y - 2.4, f"{SCALE_BAR_MM:g} mm", font_pt)


def legend_key(kind: Kind) -> Patch:
    """A legend entry; white lines are shown in ink, paper being white."""
    style = STYLES[kind]
    colour = INK if style.colour == "#FFFFFF" else style.colour
    return Patch(
        label=kind.words,
        facecolor=_on_paper(colour, style.fill),
        edgecolor=colour,
        linewidth=1.2,
        linestyle=(0, style.dash) if style.dash else "solid",
        hatch=HATCHES[style.hatch_deg],
    )


def _on_paper(colour: str, opacity: float) -> tuple[float, float, float]:
    """The opaque colour that a transparent one has on white."""
    red, green, blue = (1 - opacity * (1 - part) for part in to_rgb(colour))
    return red, green, blue
