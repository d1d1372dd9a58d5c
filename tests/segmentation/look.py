"""A scan of the closed-form spine with fat, muscle and skin's air about it, in a contrast given by relaxation times."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import Anatomy, Structure
from resorb.segmentation.levels import name_levels
from resorb.simulation.scanner.relaxation import relaxation
from resorb.simulation.tissue import Tissue
from resorb.study import Volume
from tests.spine import sampled

SPACING = (3.0, 0.9, 0.9)
BEHIND_MM = 45.0  # added to the field, for muscle and fat
#: TR, TE and, of an inversion recovery, TI, ms.
SEQUENCES: Mapping[str, tuple[float, float, float | None]] = {
    "T2": (3500.0, 100.0, None),
    "T1": (600.0, 10.0, None),
    "STIR": (4000.0, 60.0, 160.0),
}


def signal(tissue: Tissue, sequence: str) -> float:
    """Spin echo, with an inversion before it where there is a TI (Hahn 1950; Bydder and Young 1985)."""
    of = relaxation()[tissue]
    tr, te, ti = SEQUENCES[sequence]
    t1, t2 = of.t1(1.5), of.t2(1.5)
    recovered = 1 - math.exp(-tr / t1) if ti is None else 1 - 2 * math.exp(-ti / t1) + math.exp(-tr / t1)
    return 1000 * of.density * abs(recovered) * math.exp(-te / t2)


def structures() -> Volume:
    """The spine in sagittal order, with room behind it."""
    spine = sampled(spacing=SPACING).sagittal()
    more = round(BEHIND_MM / SPACING[2])
    return Volume(np.pad(spine.data, ((0, 0), (0, 0), (0, more))), spine.affine)


def world(volume: Volume) -> NDArray[np.float64]:
    """(i, j, k, 3) RAS+ mm of every voxel."""
    return np.asarray(volume.to_world(np.moveaxis(np.indices(volume.shape), 0, -1)))


def scan(spine: Volume, sequence: str) -> Volume:
    """The image: half of marrow is fat, fat lies behind the sac in the midline, muscle elsewhere."""
    grey = {tissue: signal(tissue, sequence) for tissue in Tissue}
    marrow = (grey[Tissue.MARROW] + grey[Tissue.FAT]) / 2
    at = world(spine)
    image = np.full(spine.shape, grey[Tissue.MUSCLE])
    image[(np.abs(at[..., 0]) < 6.0) & (at[..., 1] < -20.0) & (at[..., 1] > -32.0)] = grey[Tissue.FAT]
    for structure, value in (
        (Structure.VERTEBRAL_BODY, marrow),
        (Structure.POSTERIOR_ELEMENTS, marrow),
        (Structure.SACRUM, marrow),
        (Structure.DISC, grey[Tissue.ANNULUS]),
        (Structure.THECAL_SAC, grey[Tissue.CSF]),
    ):
        image[spine.data == structure] = value
    return spine.with_data(image)


def named(spine: Volume) -> Anatomy:
    return name_levels(spine, None, source="test")
