"""`figure.png` and `figure.svg`: before and after in the same planes, as a case report prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from resorb.change import Change
from resorb.reporting import paper
from resorb.reporting.change.panels import PLANES, THIN_DIFFERENCE_MM, Panel, Panels
from resorb.reporting.change.words import interval_words, wrapped
from resorb.reporting.paper import DPI, INCH_MM, INK, RC, WARNING
from resorb.reporting.scene import REFERENCE, REFERENCE_WORDS, Kind
from resorb.study import Plane

#: Widest figure of a journal's page, mm, and the widest panel that is printed.
PAGE_MM, PANEL_MM = 180.0, 58.0
MARGIN_MM, GAP_MM, HEAD_MM = 3.0, 1.5, 9.0
LINE_MM = 3.4
COLUMNS = 4
DIFFERENCE_WORDS = "difference"
CAPTION_PT, NOTE_PT = 8.0, 7.0
PER_MM, NOTE_PER_MM = 0.63, 0.79  # characters of the caption and of the notes
RESEARCH = "Research use only; not a medical device."


def draw_figure(panels: Panels, *, outlines: bool = True) -> Figure:
    """The figure of one level; `outlines=False` leaves the arrows alone on the images, and no difference.

    Panels stand in bands of at most four columns, a column per date, the sagittal picture above the axial one; the
    last column is the difference.
    """
    rows = {plane: _of(panels, plane, outlines) for plane in PLANES}
    count = len(rows[PLANES[0]])
    columns = min(count, COLUMNS)
    size = min(PANEL_MM, (PAGE_MM - 2 * MARGIN_MM - (columns - 1) * GAP_MM) / columns)
    bands = -(-count // columns)
    band_mm = HEAD_MM + len(PLANES) * (size + GAP_MM)
    width = 2 * MARGIN_MM + columns * size + (columns - 1) * GAP_MM
    verdict = wrapped((panels.track or panels.level).verdict.words, int((width - 2 * MARGIN_MM) * PER_MM))
    text = [*verdict, *_caption(panels, rows, width - 2 * MARGIN_MM)]
    foot = LINE_MM * (len(text) + 3.2)
    height = 2 * MARGIN_MM + bands * band_mm + foot
    with rc_context(RC):
        figure = Figure(figsize=(width / INCH_MM, height / INCH_MM), dpi=DPI, facecolor="white")
        number = 0
        for band in range(bands):
            top = height - MARGIN_MM - band * band_mm
            for row, plane in enumerate(PLANES):
                for column, panel in enumerate(rows[plane][band * columns : (band + 1) * columns]):
                    x = MARGIN_MM + column * (size + GAP_MM)
                    y = top - HEAD_MM - (row + 1) * size - row * GAP_MM
                    if row == 0:
                        _head(figure, panels.change, panel, x + size / 2, top - HEAD_MM / 2)
                    _panel(figure, panel, (x, y, size, size), ascii_uppercase[number % 26])
                    number += 1
        every = [panel for row in rows.values() for panel in row]
        _foot(figure, panels.change, every, (len(verdict), text), foot)
    return figure


def _of(panels: Panels, plane: str, outlines: bool) -> list[Panel]:
    row = [panel for panel in panels.panels if panel.plane == plane]
    if outlines:
        return row
    bare = (replace(one, scene=replace(one.scene, outlines=(), reference=None)) for one in row)
    return [one for one in bare if not one.difference]


def _panel(figure: Figure, panel: Panel, box: tuple[float, float, float, float], letter: str) -> None:
    axes = paper.scene_axes(figure, box, panel.scene)
    scale = box[2] / PANEL_MM
    paper.draw(axes, panel.scene, font_pt=8.0 * scale, width=0.85 * scale)
    paper.letters(axes, panel.scene, 7.5 * scale)
    paper.scale_bar(axes, panel.scene, 7.0 * scale)
    paper.text(axes, 4.0, 4.0, letter, 13.0 * scale)


def _head(figure: Figure, change: Change, panel: Panel, x: float, y: float) -> None:
    width, height = (float(s) * INCH_MM for s in figure.get_size_inches())
    if panel.difference:
        name = DIFFERENCE_WORDS
        below = f"{change.dates[0].name} to {change.dates[-1].name}"
    else:
        name, below = change.dates[panel.date - 1].name, interval_words(change, panel.date)
    figure.text(
        x / width,
        (y + 1.2) / height,
        name,
        fontsize=9.0,
        fontweight="bold",
        ha="center",
        va="center",
        color=INK,
    )
    figure.text(x / width, (y - 2.2) / height, below, fontsize=7.0, ha="center", va="center", color=INK)


def _caption(panels: Panels, rows: dict[Plane, list[Panel]], width_mm: float) -> list[str]:
    """The lines below the finding: which slices they are, and how they are shown."""
    lines: list[str] = []
    number, characters = 0, int(width_mm * NOTE_PER_MM)
    for plane, row in rows.items():
        told = []
        for panel in row:
            letter = ascii_uppercase[number % 26]
            number += 1
            if not panel.difference:
                told.append(f"{letter}: {panel.source}")
        place = row[0].scene.place
        lines += wrapped(f"{plane.capitalize()} T2 plane {place}; {'; '.join(told)}.", characters)
    grey = (
        "Grey scales matched on dark tissue, marrow and CSF."
        if panels.matched
        else "Grey scales of each image."
    )
    differences = len(rows[PLANES[0]]) > len(panels.timepoints)
    thin = (
        f"Differences where a date was not imaged, or thinner than {THIN_DIFFERENCE_MM:g} mm, are left out."
        if differences
        else ""
    )
    how = f"Same place and scale in all panels; axial pictures are seen from below. {grey} {thin}"
    recovery = panels.change.not_recovery.split(":")[0]
    return [*lines, *wrapped(how, characters), f"{recovery}. {RESEARCH}"]


def _foot(
    figure: Figure, change: Change, panels: Sequence[Panel], text: tuple[int, list[str]], foot_mm: float
) -> None:
    """Legend and text; the first lines, so many as the number says, are the finding."""
    width, height = (float(s) * INCH_MM for s in figure.get_size_inches())
    present = {kind for panel in panels for kind in panel.scene.kinds}
    entries: list[Patch | Line2D] = [paper.legend_key(kind) for kind in Kind if kind in present]
    if any(panel.scene.reference is not None for panel in panels):
        entries.append(
            Line2D([], [], label=REFERENCE_WORDS, color=INK, linewidth=1.2, linestyle=(0, REFERENCE.dash))
        )
    top = MARGIN_MM + foot_mm
    if entries:
        figure.legend(
            handles=entries,
            loc="upper left",
            bbox_to_anchor=((MARGIN_MM - 1.5) / width, top / height),
            ncols=min(len(entries), 5),
            frameon=False,
            fontsize=NOTE_PT,
            handlelength=2.0,
            columnspacing=1.2,
            borderpad=0.1,
            labelspacing=0.25,
            labelcolor=INK,
        )
    found, lines = text
    for n, line in enumerate(lines):
        y = top - LINE_MM * (3.0 + n)
        figure.text(
            MARGIN_MM / width,
            y / height,
            line,
            fontsize=CAPTION_PT if n < found else NOTE_PT,
            color=INK,
            va="center",
        )
    if change.synthetic:
        figure.text(
            1 - MARGIN_MM / width,
            (MARGIN_MM + 0.8) / height,
            "SYNTHETIC",
            fontsize=9,
            fontweight="bold",
            color=WARNING,
            ha="right",
            va="center",
        )
