"""Redraw the posterior margins of SPIDER's graded herniations: pictures to draw from, masks, agreement of readers.

    python -m training.redraw show 045 L5/S1 -o DIR             # enlarged slices with a grid in voxel coordinates
    python -m training.redraw show 045 L5/S1 -o DIR --reader 1  # the same with reader 1's drawing
    python -m training.redraw show 045 L5/S1 -o DIR --expert    # ... with the data set's own label: look at it last
    python -m training.redraw show 050 L4/L5 -o DIR --at 150 380   # another window: its left column, its top row
    python -m training.redraw mask --reader 1 -o DIR            # sub-045_L5-S1_reader-1.nii.gz ...
    python -m training.redraw agree                             # reader 1 against reader 2, and each against the label

The format of `training/margins/reader-N.toml` is described in `training.outlines`.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from training import dataset, outlines
from training.outlines import Herniation, Mask, Points, Spacing

COLLECTION = "spider-t2space"
MARGINS = Path(__file__).parent / "margins"
LEVELS = ("L5/S1", "L4/L5", "L3/L4", "L2/L3", "L1/L2")  # as the gradings count, from L5/S1 = 1
LEAST_DISC_MM3 = 500.0  # smaller parts of the disc label are strays
DISC = 2

ZOOM = 10
SIZE = (50, 66)  # columns and rows shown, in voxels
BEFORE = 17  # columns shown before the posterior end of the disc
GRID = 5  # voxels between grid lines; every other one is labelled
WINDOW = (0.5, 99.0)  # percentiles of the picture that become black and white
GAMMA = 0.6  # below 1: the disc is dark, and its inner structure tells it from ligament and bone
CONTEXT = (110, 130)  # columns and rows of the wider, unmarked view of every other slice
CONTEXT_ZOOM = 3
COLOURS = {"reader": (255, 70, 70), "reference": (70, 160, 255), "expert": (90, 220, 90)}


@dataclass(frozen=True)
class Case:
    """One scan around one level: arrays (slice, column, row) and the window of the pictures (column, row)."""

    image: NDArray[np.uint8]
    disc: Mask
    affine: NDArray[np.float64]
    spacing: Spacing
    corner: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        slices, columns, rows = self.image.shape
        return slices, columns, rows


def disc_of_level(labels: NDArray[np.integer], level: str, spacing: Spacing) -> Mask:
    """The expert's disc of a level, counted from the lowest disc = L5/S1; the same shape as `labels`.

    Raises:
        ValueError: no such level, or not enough discs.
    """
    if level not in LEVELS:
        raise ValueError(f"{level}: not one of {', '.join(LEVELS)}")
    numbered, count = ndimage.label(labels == DISC)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1) * float(np.prod(spacing))
    kept = [n for n in range(1, count + 1) if sizes[n] >= LEAST_DISC_MM3]
    if len(kept) <= LEVELS.index(level):
        raise ValueError(f"{level}: only {len(kept)} discs are labelled")
    heights = {n: float(np.argwhere(numbered == n)[:, 2].mean()) for n in kept}
    found: Mask = numbered == sorted(kept, key=heights.__getitem__, reverse=True)[LEVELS.index(level)]
    return found


def load(data: Path, subject: str, level: str) -> Case:
    """A scan of the set on its own grid."""
    path = data / COLLECTION / f"sub-{subject}_T2w.nii.gz"
    image, (thick, high, deep) = dataset.load(path)
    labels, _ = dataset.load(path.with_name(f"sub-{subject}_dseg.nii.gz"))
    spacing = (thick, deep, high)
    disc = disc_of_level(labels.transpose(0, 2, 1), level, spacing)
    found = np.argwhere(disc)
    middle = found[found[:, 1] > np.percentile(found[:, 1], 90)].mean(axis=0)
    corner = (int(found[:, 1].max()) - BEFORE, int(middle[2]) - SIZE[1] // 2)
    affine = np.asarray(nib.load(path).affine, np.float64)
    return Case(image.transpose(0, 2, 1), disc, affine, spacing, corner)


def enlarged(
    plane: NDArray[np.uint8],
    corner: tuple[int, int],
    size: tuple[int, int],
    zoom: int,
    window: tuple[float, float],
) -> Image.Image:
    """Part of one slice (column, row), enlarged bicubically; voxels outside the slice repeat its edge."""
    (left, top), (columns, rows), (low, high) = corner, size, window
    padded = np.pad(plane, ((columns, columns), (rows, rows)), mode="edge")
    crop = padded[left + columns : left + 2 * columns, top + rows : top + 2 * rows].T.astype(np.float32)
    grey = np.clip((crop - low) / max(high - low, 1.0), 0, 1) ** GAMMA * 255
    small = Image.fromarray(grey.astype(np.uint8))
    return small.resize((columns * zoom, rows * zoom), Image.Resampling.BICUBIC).convert("RGB")


def picture(case: Case, index: int, window: tuple[float, float]) -> Image.Image:
    """One slice around the disc, enlarged, with labelled grid lines in voxel coordinates."""
    columns, rows = SIZE
    big = enlarged(case.image[index], case.corner, SIZE, ZOOM, window)
    draw = ImageDraw.Draw(big, "RGBA")
    for axis, (start, extent) in enumerate(zip(case.corner, SIZE, strict=True)):
        for value in range(-(-start // GRID) * GRID, start + extent, GRID):
            at = (value - start + 0.5) * ZOOM
            ends = ((at, 0), (at, rows * ZOOM)) if axis == 0 else ((0, at), (columns * ZOOM, at))
            labelled = value % (2 * GRID) == 0
            draw.line(ends, fill=(255, 255, 0, 70 if labelled else 35), width=1)
            if labelled:
                draw.text((at + 2, 1) if axis == 0 else (1, at + 1), str(value), fill=(255, 255, 0, 255))
    draw.text((columns * ZOOM - 70, rows * ZOOM - 14), f"slice {index}", fill=(0, 255, 255, 255))
    return big


def _to_picture(points: Points, case: Case) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (points - np.array(case.corner) + 0.5) * ZOOM]


def draw_reader(big: Image.Image, case: Case, herniation: Herniation, index: int) -> None:
    """The reader's margin, fragments and reference line, in place."""
    draw = ImageDraw.Draw(big, "RGBA")
    corners = outlines.corners_at(herniation, index)
    draw.line(_to_picture(corners, case), fill=(*COLOURS["reference"], 200), width=1)
    if index in herniation.margins:
        draw.line(_to_picture(herniation.margins[index], case), fill=(*COLOURS["reader"], 220), width=1)
    for fragment in herniation.fragments.get(index, []):
        closed = np.vstack([fragment, fragment[:1]])
        draw.line(_to_picture(closed, case), fill=(*COLOURS["reader"], 220), width=1)


def draw_mask(big: Image.Image, case: Case, mask: NDArray[np.bool_]) -> None:
    """The border of one slice's mask (column, row), in place."""
    draw = ImageDraw.Draw(big, "RGBA")
    left, top = case.corner
    for axis in (0, 1):
        ahead = np.argwhere(np.diff(mask, axis=axis))
        for column, row in ahead - np.array([left, top]):
            x, y = (column + (axis == 0)) * ZOOM, (row + (axis == 1)) * ZOOM
            end = (x, y + ZOOM) if axis == 0 else (x + ZOOM, y)
            draw.line(((x, y), end), fill=(*COLOURS["expert"], 220), width=1)


def show(case: Case, folder: Path, herniation: Herniation | None, expert: bool, abreast: int) -> None:
    """Write the enlarged slices, `abreast` to a picture, and a wider view of every other slice (context.png)."""
    folder.mkdir(parents=True, exist_ok=True)
    left, top = (max(0, value) for value in case.corner)
    seen = case.image[:, left : left + SIZE[0], top : top + SIZE[1]]
    window = (float(np.percentile(seen, WINDOW[0])), float(np.percentile(seen, WINDOW[1])))
    pictures = []
    for index in range(len(case.image)):
        big = picture(case, index, window)
        if expert:
            draw_mask(big, case, case.disc[index])
        if herniation:
            draw_reader(big, case, herniation, index)
        pictures.append(big)
    for first in range(0, len(pictures), abreast):
        group = pictures[first : first + abreast]
        _tile(group, abreast).save(folder / f"slices-{first:02d}-{first + len(group) - 1:02d}.png")
    wider = (
        case.corner[0] - (CONTEXT[0] - SIZE[0]) // 2,
        case.corner[1] - (CONTEXT[1] - SIZE[1]) // 2,
    )
    planes = case.image[len(case.image) % 2 :: 2]
    _tile([enlarged(plane, wider, CONTEXT, CONTEXT_ZOOM, window) for plane in planes], 5).save(
        folder / "context.png"
    )


def _tile(pictures: list[Image.Image], columns: int) -> Image.Image:
    width, height = pictures[0].size
    sheet = Image.new("RGB", (width * min(columns, len(pictures)), height * -(-len(pictures) // columns)))
    for number, one in enumerate(pictures):
        sheet.paste(one, (number % columns * width, number // columns * height))
    return sheet


def drawings(reader: int) -> dict[tuple[str, str], Herniation]:
    """A reader's herniations by subject and level; empty if there is no such file."""
    path = MARGINS / f"reader-{reader}.toml"
    return {(h.subject, h.level): h for h in outlines.read(path)} if path.exists() else {}


def write_masks(data: Path, reader: int, folder: Path) -> None:
    """The material that one reader drew, a NIfTI mask per herniation on the scan's own grid."""
    folder.mkdir(parents=True, exist_ok=True)
    for (subject, level), herniation in drawings(reader).items():
        case = load(data, subject, level)
        mask = outlines.material(herniation, case.shape, case.spacing)
        name = f"sub-{subject}_{level.replace('/', '-')}_reader-{reader}.nii.gz"
        nib.save(nib.Nifti1Image(mask.astype(np.uint8), case.affine), folder / name)


HEADS = (
    "dice",
    "mean mm",
    "95% mm",
    "both",
    "one",
    "mm3 1",
    "mm3 2",
    "deep 1",
    "deep 2",
    "label",
    "1:label",
    "2:label",
)


def rows_of_agreement(data: Path, readers: tuple[int, int]) -> Iterator[tuple[str, list[float]]]:
    """(herniation, figures in the order of HEADS) of every herniation that either reader drew."""
    first, second = (drawings(reader) for reader in readers)
    for subject, level in sorted({*first, *second}):
        case = load(data, subject, level)
        pair = first.get((subject, level)), second.get((subject, level))
        volume = float(np.prod(case.spacing))
        figures = [float("nan")] * 5
        if pair[0] and pair[1]:
            found = outlines.agreement(pair[0], pair[1], case.shape, case.spacing)
            figures = [found.dice, found.mean_mm, found.high_mm, found.slices_both, found.slices_one]
        masks = [outlines.material(h, case.shape, case.spacing) if h else None for h in pair]
        experts = [outlines.expert_material(h, case.disc, case.spacing) if h else None for h in pair]
        figures += [volume * m.sum() if m is not None else float("nan") for m in masks]
        figures += [outlines.depth_mm(h, case.spacing) if h else float("nan") for h in pair]
        figures.append(float(np.mean([volume * e.sum() for e in experts if e is not None])))
        figures += [
            outlines.dice(m, e) if m is not None and e is not None else float("nan")
            for m, e in zip(masks, experts, strict=True)
        ]
        yield f"{subject} {level}", figures


def agree(data: Path, readers: tuple[int, int]) -> None:
    """Print the table, and its means."""
    print(f"readers {readers[0]} and {readers[1]}; 'both', 'one': slices drawn by both or one of them;")
    print(
        "'label': mm3 of the data set's disc label behind the readers' lines, and Dice of each reader against it"
    )
    print(f"{'':10}" + "".join(f"{head:>9}" for head in HEADS))
    table = []
    for name, figures in rows_of_agreement(data, readers):
        table.append(figures)
        print(f"{name:10}" + _line(figures))
    if table:
        stack = np.array(table)
        seen = ~np.isnan(stack)
        sums = np.where(seen, stack, 0).sum(0)
        print(
            f"{'mean':10}"
            + _line([s / n if n else float("nan") for s, n in zip(sums, seen.sum(0), strict=True)])
        )


def _line(figures: list[float]) -> str:
    digits = (3, 2, 2, 0, 0, 0, 0, 1, 1, 0, 3, 3)
    return "".join(f"{value:9.{places}f}" for value, places in zip(figures, digits, strict=True))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="public data (default: RESORB_DATA or ../shared/data)")
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("show", help="pictures of one level")
    shown.add_argument("subject")
    shown.add_argument("level", choices=LEVELS)
    shown.add_argument("-o", "--out", type=Path, required=True)
    shown.add_argument("--reader", type=int, help="overlay this reader's drawing")
    shown.add_argument("--expert", action="store_true", help="overlay the data set's own label")
    shown.add_argument(
        "--at", type=int, nargs=2, metavar=("COLUMN", "ROW"), help="upper left corner of the window"
    )
    shown.add_argument("--abreast", type=int, default=3, help="slices in one picture")
    masks = commands.add_parser("mask", help="masks of one reader's drawings")
    masks.add_argument("--reader", type=int, required=True)
    masks.add_argument("-o", "--out", type=Path, required=True)
    both = commands.add_parser("agree", help="table of agreement")
    both.add_argument("--readers", type=int, nargs=2, default=(1, 2))
    arguments = parser.parse_args()
    data = dataset.data_folder(arguments.data)
    try:
        if arguments.command == "show":
            herniation = drawings(arguments.reader or 0).get((arguments.subject, arguments.level))
            case = load(data, arguments.subject, arguments.level)
            if arguments.at:
                case = dataclasses.replace(case, corner=(arguments.at[0], arguments.at[1]))
            show(case, arguments.out, herniation, arguments.expert, arguments.abreast)
        elif arguments.command == "mask":
            write_masks(data, arguments.reader, arguments.out)
        else:
            agree(data, (arguments.readers[0], arguments.readers[1]))
    except (OSError, ValueError) as error:
        sys.exit(f"training.redraw: {error}")


if __name__ == "__main__":
    main()
