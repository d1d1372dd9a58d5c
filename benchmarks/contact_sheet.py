"""Every T2 study of a data folder, read and drawn: one sheet per set, to be looked at one by one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import typer
from matplotlib.axes import Axes
from PIL import Image
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.common import Table, data_folder, t2_studies
from resorb import Quantity, ResorbError, Structure, Timepoint, read
from resorb.reading import QUANTITIES
from resorb.reporting.picture import Pictures
from resorb.reporting.scene import REFERENCE, STYLES, Kind, Scene

TILE_COLUMNS = 4
CROP_MM, PIXEL_MM, TILE_DPI = 70.0, 0.35, 90
COLOURS = {
    Structure.VERTEBRAL_BODY: "white",
    Structure.SACRUM: "lightgrey",
    Structure.POSTERIOR_ELEMENTS: "violet",
    Structure.DISC: STYLES[Kind.DISC].colour,
    Structure.THECAL_SAC: STYLES[Kind.SAC].colour,
}
COLUMNS = ("set", "study", "level", "flags", *QUANTITIES, "confidence", "level_naming", "doubts", "error")


def main(
    folder: Annotated[Path | None, typer.Argument(help="A data root, or one folder of it.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where sheets, tiles and levels.csv go.")
    ] = Path("out/sheets"),
    redo: Annotated[bool, typer.Option("--redo", help="Read again what has been read.")] = False,
) -> None:
    """Read every T2 study; draw one sheet per set, and append a row per level to levels.csv."""
    root = folder or data_folder()
    if root is None:
        raise typer.BadParameter("no data: name a folder, or set RESORB_DATA")
    if redo:
        (output / "levels.csv").unlink(missing_ok=True)
    table = Table(output / "levels.csv", COLUMNS, ("set", "study"))
    studies = t2_studies(root)
    for number, (set_name, study, path) in enumerate(studies, start=1):
        tile = output / "tiles" / set_name / f"{study}.png"
        if table.holds(set=set_name, study=study) and tile.exists():
            continue
        typer.echo(f"{number}/{len(studies)} {set_name} {study}", err=True)
        tile.parent.mkdir(parents=True, exist_ok=True)
        try:
            timepoint = read(path, output / "readings" / set_name / study, overwrite=True)
        except ResorbError as error:
            message = str(error).removeprefix(f"{path}: ")
            table.append({"set": set_name, "study": study, "error": message})
            draw_refusal(study, message, tile)
            continue
        draw_tile(timepoint, study, tile)
        for row in rows(timepoint):
            table.append({"set": set_name, "study": study, **row})
    for set_name in dict.fromkeys(name for name, _, _ in studies):
        tiles = [output / "tiles" / name / f"{study}.png" for name, study, _ in studies if name == set_name]
        assemble(tiles, output / f"{set_name}.png")
    _print(table)


def rows(timepoint: Timepoint) -> list[dict[str, object]]:
    """One row per level; a number that could not be measured is empty."""
    reading = timepoint.reading
    return [
        {
            "level": disc.level,
            "flags": " ".join(disc.flags),
            "confidence": "" if disc.confidence is None else f"{disc.confidence:.3f}",
            "level_naming": reading.level_naming,
            "doubts": "; ".join(reading.doubts),
            **{
                name: "" if (value := getattr(disc, name).value) is None else f"{value:.3f}"
                for name in QUANTITIES
            },
        }
        for disc in reading.discs
    ]


def draw_tile(timepoint: Timepoint, title: str, path: Path) -> None:
    """The middle slice with every structure outlined, and the worst level large."""
    pictures = Pictures(timepoint)
    worst = timepoint.reading.worst
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 5.6), width_ratios=(1, 1.1))
    _draw_slice(left, timepoint, pictures)
    left.set_title(title, fontsize=9)
    right.set_axis_off()
    if worst is not None:
        _draw_scene(right, pictures.level(worst, CROP_MM, PIXEL_MM))
        numbers = f"{_words(worst.depth_mm, 1)} mm  {_words(worst.volume_mm3, 0)} mm³"
        right.set_title(f"{worst.level}  {numbers}  {' '.join(worst.flags)}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=TILE_DPI)
    plt.close(figure)


def _words(quantity: Quantity, places: int) -> str:
    return quantity.reason if quantity.value is None else f"{quantity.value:.{places}f}"


def draw_refusal(title: str, message: str, path: Path) -> None:
    """The reason why a study was not read, in the place of its tile."""
    figure = plt.figure(figsize=(8.4, 5.6))
    figure.text(0.05, 0.5, f"{title}\n{message}", wrap=True, color="firebrick")
    figure.savefig(path, dpi=TILE_DPI)
    plt.close(figure)


def _draw_slice(axes: Axes, timepoint: Timepoint, pictures: Pictures) -> None:
    view, anatomy = pictures.view, timepoint.anatomy
    number = view.n_slices // 2
    extent = (0.0, view.width_mm, view.height_mm, 0.0)
    low, high = pictures.window
    axes.imshow(view.volume.data[number], cmap="gray", vmin=low, vmax=high, extent=extent)
    labels = view.image(anatomy.labels, number)
    centres = (
        (np.arange(labels.shape[1]) + 0.5) * view.column_mm,
        (np.arange(labels.shape[0]) + 0.5) * view.row_mm,
    )
    masks = [(labels == index, Structure(index // 100)) for index in np.unique(labels[labels > 0])]
    for mask, structure in masks:
        axes.contour(*centres, mask, levels=[0.5], colors=COLOURS[structure], linewidths=0.7)
    displaced = view.image(timepoint.displaced, number) > 0
    if displaced.any():
        axes.contour(*centres, displaced, levels=[0.5], colors=STYLES[Kind.DISPLACED].colour, linewidths=1.0)
    for level in anatomy.levels:
        found = np.argwhere(labels == 100 * int(Structure.DISC) + level.ordinal)
        if len(found):
            row, column = found.mean(axis=0)
            x, y = column * view.column_mm, row * view.row_mm
            axes.text(x, y, str(level), color="yellow", fontsize=6, ha="center", va="center")
    for level, frame in timepoint.frames.items():
        line = view.to_picture(frame.reference_line(0.0))
        axes.plot(line[:, 0], line[:, 1], color=REFERENCE.colour, linewidth=0.7, label=str(level))
    axes.set_axis_off()


def _draw_scene(axes: Axes, scene: Scene) -> None:
    axes.imshow(
        scene.pixels, cmap="gray", vmin=0, vmax=255, extent=(0.0, scene.width_mm, scene.height_mm, 0.0)
    )
    for outline in scene.outlines:
        style = STYLES[outline.kind]
        for loop in outline.loops:
            axes.plot(loop[:, 0], loop[:, 1], color=style.colour, linewidth=style.width_pt)
    if scene.reference is not None:
        axes.plot(scene.reference[:, 0], scene.reference[:, 1], color=REFERENCE.colour, linewidth=1.0)
    for name in scene.names:
        axes.text(name.x, name.y, name.text, color="white", fontsize=8, ha="center")
    axes.set_xlim(0, scene.width_mm)
    axes.set_ylim(scene.height_mm, 0)


def assemble(tiles: list[Path], path: Path) -> None:
    """Paste tiles into one sheet, four in a row."""
    images = [Image.open(tile).convert("RGB") for tile in tiles]
    width, height = images[0].size
    columns = min(TILE_COLUMNS, len(images))
    sheet = Image.new("RGB", (columns * width, math.ceil(len(images) / columns) * height), "white")
    for n, image in enumerate(images):
        sheet.paste(image, (n % columns * width, n // columns * height))
    sheet.save(path)


def _print(table: Table) -> None:
    printed = Printed("Set", "Studies", "Refused", "Levels", "Displaced", "With doubts")
    found = table.rows()
    for set_name in dict.fromkeys(row["set"] for row in found):
        of_set = [row for row in found if row["set"] == set_name]
        levels = [row for row in of_set if row["level"]]
        printed.add_row(
            set_name,
            str(len({row["study"] for row in of_set})),
            str(sum(bool(row["error"]) for row in of_set)),
            str(len(levels)),
            str(sum("displaced" in row["flags"].split() for row in levels)),
            str(len({row["study"] for row in levels if row["doubts"]})),
        )
    Console().print(printed)


if __name__ == "__main__":
    typer.run(main)
