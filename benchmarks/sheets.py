"""Sheets of real, implanted and synthetic images in random order, to be told apart by eye; the key lies apart."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from benchmarks.common import data_folder
from benchmarks.realism import labels_of, random_patients, real_scans
from benchmarks.tissues import MIDLINE_MM, Place, Scene, places
from resorb import Level, ResorbError, Structure, Volume, load
from resorb.simulation.implant import implant
from resorb.simulation.implant.evaluation import implant_for_evaluation
from resorb.simulation.spec import HerniationSpec

#: Grey values shown black and white, percentiles of a crop.
WINDOW = (0.5, 99.6)
GAP, SPINE_COLUMNS, DISC_COLUMNS = 6, 6, 6
JUDGED = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
MIN_DISCS = 5
GENERATORS = (("training generator", implant), ("evaluation generator", implant_for_evaluation))

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One scan that may be shown: what it is, where it comes from, and its image with labels.

    Attributes:
        spot: (level, slice) of an implant, which is what is to be looked at.
    """

    kind: str
    origin: str
    scene: Scene
    spot: tuple[str, int] | None = None


@dataclass(frozen=True)
class Crop:
    """Height and width of a crop, and the pixel it is sampled at, mm."""

    height_mm: float
    width_mm: float
    pixel_mm: float


SPINE, DISC = Crop(230.0, 120.0, 0.6), Crop(62.0, 62.0, 0.2)


@dataclass(frozen=True, eq=False)
class Tile:
    """One crop; `what` is for the key alone."""

    picture: Picture
    kind: str
    what: str


def real_candidates(data: Path, cache: Path, number: int, rng: np.random.Generator) -> Iterator[Candidate]:
    """Real scans that may be looked at: the training and validation parts."""
    scans = list(real_scans(data))
    for n in rng.permutation(len(scans))[:number]:
        scan = scans[n]
        study = load(scan.image)
        yield _candidate(
            "real",
            f"{scan.collection} {scan.study}",
            study.sagittal.volume,
            labels_of(scan, study, cache),
        )


def synthetic_candidates(number: int, seed: int) -> Iterator[Candidate]:
    """The first sagittal scan of random simulated patients."""
    for name, made in random_patients(number, seed):
        scan = made.scans[0]
        yield _candidate("synthetic", f"{name} {scan.spec.sequence}", scan.stacks[0], scan.labels[0])


def implanted_candidates(
    data: Path, cache: Path, number: int, rng: np.random.Generator
) -> Iterator[Candidate]:
    """Real scans with one herniation put in, by the generator that training uses and that for evaluating in turn."""
    scans = list(real_scans(data))
    made = 0
    for n in rng.permutation(len(scans)):
        if made == number:
            return
        scan = scans[n]
        study = load(scan.image)
        image, labels = study.sagittal.volume, labels_of(scan, study, cache)
        level = Level.parse(str(rng.choice(JUDGED)))
        spec = HerniationSpec(
            level=level,
            type="extrusion" if rng.random() < 0.5 else "protrusion",
            side="left" if rng.random() < 0.5 else "right",
            depth_mm=round(float(rng.uniform(4.0, 8.0)), 1),
        )
        generate, make = GENERATORS[made % len(GENERATORS)]
        try:
            found = make(image, labels, spec, int(rng.integers(2**31)))
        except ResorbError:
            continue  # no room there, or the level is not in the scan
        made += 1
        candidate = _candidate(
            "implanted", f"{scan.collection} {scan.study} ({generate})", found.image, labels
        )
        deepest = int(np.argmax(found.displaced.sagittal().data.sum(axis=(1, 2))))
        yield replace(candidate, spot=(str(level), deepest))


def _candidate(kind: str, origin: str, image: Volume, labels: Volume) -> Candidate:
    return Candidate(kind, origin, Scene.of(image, labels))


def spine_tile(candidate: Candidate) -> Tile | None:
    """The midsagittal slice around the lumbar spine."""
    found = [place for place in places(candidate.scene) if place.name in JUDGED]
    if len(found) < MIN_DISCS - 1:
        return None
    middle = found[len(found) // 2]
    row = (found[0].rows.start + found[-1].rows.stop) / 2
    column = float(np.mean([_disc_centre(candidate.scene, place)[1] for place in found]))
    picture = _cropped(candidate.scene, middle, (row, column + 10.0 / candidate.scene.spacing[2]), SPINE)
    return Tile(picture, candidate.kind, candidate.origin)


def disc_tile(candidate: Candidate, rng: np.random.Generator) -> Tile | None:
    """One lumbar disc, drawn at random, with the canal behind it."""
    found = [place for place in places(candidate.scene) if place.name in JUDGED]
    if not found:
        return None
    place = found[int(rng.integers(len(found)))]
    if candidate.spot is not None:
        level, deepest = candidate.spot
        wanted = [one for one in found if one.name == level]
        if not wanted:
            return None
        place = replace(wanted[0], middle=float(deepest))
    row, column = _disc_centre(candidate.scene, place)
    picture = _cropped(candidate.scene, place, (row, column + 8.0 / candidate.scene.spacing[2]), DISC)
    return Tile(picture, candidate.kind, f"{candidate.origin}, {place.name}")


def _disc_centre(scene: Scene, place: Place) -> tuple[float, float]:
    """(row, column) of the disc's centre near the midline."""
    disc = scene.mask(Structure.DISC, place.upper)
    midline = disc & scene.near(place.middle, MIDLINE_MM)
    index = np.argwhere(midline if midline.any() else disc)
    row, column = index[:, 1:].mean(axis=0)
    return float(row), float(column)


def _cropped(scene: Scene, place: Place, centre: tuple[float, float], crop: Crop) -> Picture:
    """The slice in the midline of a level around (row, column); what lies outside the image is black."""
    k = int(np.clip(round(place.middle), 0, scene.image.shape[0] - 1))
    shape = (round(crop.height_mm / crop.pixel_mm), round(crop.width_mm / crop.pixel_mm))
    steps = np.indices(shape, dtype=np.float64) - (np.array(shape) - 1)[:, None, None] / 2
    scale = np.array(scene.spacing[1:])[:, None, None]
    at = np.array(centre)[:, None, None] + steps * crop.pixel_mm / scale
    values = ndimage.map_coordinates(scene.image[k], at, order=1, mode="constant", cval=0.0)
    low, high = np.percentile(values, WINDOW)
    return np.asarray(np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255, dtype=np.uint8)


def sheet(tiles: list[Tile], columns: int) -> Image.Image:
    """Tiles in rows, numbered from 1."""
    height, width = tiles[0].picture.shape
    rows = -(-len(tiles) // columns)
    page = Image.new("L", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP), 128)
    draw = ImageDraw.Draw(page)
    for n, tile in enumerate(tiles):
        x, y = GAP + n % columns * (width + GAP), GAP + n // columns * (height + GAP)
        page.paste(Image.fromarray(tile.picture), (x, y))
        draw.text((x + 4, y + 3), str(n + 1), fill=255, stroke_width=1, stroke_fill=0)
    return page


def write_key(path: Path, pages: dict[str, list[Tile]]) -> None:
    """Which tile is what."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("page", "tile", "kind", "origin"))
        for page, tiles in pages.items():
            writer.writerows((page, n, tile.kind, tile.what) for n, tile in enumerate(tiles, start=1))


def shuffled(tiles: Iterable[Tile | None], rng: np.random.Generator) -> list[Tile]:
    """In random order, those left out that could not be cropped."""
    kept = [tile for tile in tiles if tile is not None]
    return [kept[n] for n in rng.permutation(len(kept))]


def main(
    number: Annotated[int, typer.Argument(min=1, help="Scans of each kind.")] = 9,
    seed: int = 1,
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("out/sheets"),
    labels: Annotated[Path, typer.Option(help="Where labels of real scans are kept.")] = Path(
        "out/realism/labels"
    ),
    data: Path | None = None,
) -> None:
    """Draw `spines.png` and `discs.png`, and the key to both as `key.csv`."""
    root = data or data_folder()
    if root is None:
        raise typer.BadParameter("no data: name a folder, or set RESORB_DATA")
    rng = np.random.default_rng(seed)
    candidates = [
        *real_candidates(root, labels, number, rng),
        *implanted_candidates(root, labels, number, rng),
        *synthetic_candidates(number, seed),
    ]
    pages = {
        "spines": shuffled((spine_tile(one) for one in candidates if one.spot is None), rng),
        "discs": shuffled((disc_tile(one, rng) for one in candidates), rng),
    }
    output.mkdir(parents=True, exist_ok=True)
    for name, columns in (("spines", SPINE_COLUMNS), ("discs", DISC_COLUMNS)):
        sheet(pages[name], columns).save(output / f"{name}.png")
    write_key(output / "key.csv", pages)


if __name__ == "__main__":
    typer.run(main)
