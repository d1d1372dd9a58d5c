"""Images that hold no spine, all background: `python -m training.nothing --out DIR`. Resumes.

A network that has only ever seen spines finds one in anything. Shapes within shapes, textures and noise teach
it that there may be none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from training.harmonise import BACKGROUND
from training.prepared import Prepared, prepared

SHAPE = (5, 300, 260)
COUNT = 60
BODIES = (1, 9)  # ellipsoids of one image, of which the first is the largest
Image = NDArray[np.float32]


def stack(number: int) -> Prepared:
    """The numberth image; the same number gives the same image."""
    random = np.random.default_rng([7, number])
    image = _texture(random) * float(random.uniform(0.0, 0.4))
    if random.random() < 0.75:
        image = image + _bodies(random)
    image = image + random.normal(0, random.uniform(0.005, 0.3), SHAPE) * float(random.random() < 0.8)
    axial = "-axial" if number % 4 == 0 else ""
    admissible = np.full(SHAPE, BACKGROUND, np.uint8)
    slice_mm = float(random.choice([0.9, 4.0, 5.0]))
    return prepared(f"nothing{axial}", image, admissible, (slice_mm, 0.7, 0.7))


def _texture(random: Generator) -> Image:
    """Unevenness of one size, from a pixel to a quarter of the image."""
    size = float(np.exp(random.uniform(0.0, np.log(60.0))))
    field = ndimage.gaussian_filter(random.standard_normal(SHAPE), (0.6, size, size))
    return np.asarray((field - field.min()) / max(float(np.ptp(field)), 1e-9), np.float32)


def _bodies(random: Generator) -> Image:
    """Ellipsoids of other greys inside a large one, sharp or blurred: a head, a knee, a fruit."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij"))
    image = np.zeros(SHAPE)
    for n in range(int(random.integers(*BODIES))):
        radii = (
            random.uniform(0.5, 0.95, 3) if n == 0 else np.exp(random.uniform(np.log(0.04), np.log(0.5), 3))
        )
        centre = np.zeros(3) if n == 0 else random.uniform(-0.6, 0.6, 3)
        turn = random.uniform(0, np.pi)
        away = grid - centre[:, None, None, None]
        row, column = away[1].copy(), away[2].copy()
        away[1] = np.cos(turn) * row - np.sin(turn) * column
        away[2] = np.sin(turn) * row + np.cos(turn) * column
        inside = np.square(away / radii[:, None, None, None]).sum(axis=0) < 1
        image[inside] = random.random()
    blur = float(random.uniform(0.3, 3.0))
    return np.asarray(ndimage.gaussian_filter(image, (0, blur, blur)), np.float32)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=COUNT)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.count):
        path = arguments.out / f"{number:03d}.npz"
        if not path.exists():
            stack(number).write(path)


if __name__ == "__main__":
    main()
