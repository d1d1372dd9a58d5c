"""A plain synthetic lumbar T2 study with one displacement of known size.

Its truth comes from the geometry of `plain_spine` alone; `plain_looks` gives it the looks of an MRI.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.errors import OutputError, UsageError
from resorb.simulation.plain_looks import Scene, scan
from resorb.simulation.plain_spine import (
    FOCAL_LEVEL,
    LATERAL_MM,
    Array,
    Focal,
    displaced_material,
    spine,
    truth_of,
)
from resorb.study import Volume

Point = tuple[float, float, float]

FIELD_AP_MM, FIELD_SI_MM, HALF_WIDTH_MM = 180.0, 296.0, 29.0


@dataclass(frozen=True, eq=False)
class PlainStudy:
    """A synthetic study and its truth; all volumes on one grid, stored left to right, front to back, downwards.

    Attributes:
        image: int16, arbitrary units.
        labels: uint16 `anatomy_index` values at the voxel centres; displaced material counts as disc.
        displaced: uint16; the ordinal of the level where the voxel centre lies in displaced material.
        truth: per level depth_mm, volume_mm3, area_mm2 (largest sagittal section), width_mm, height_mm; at the
            focal level also closed_form_volume_mm3 and apex_x_mm (RAS+: negative is left).
        side: of the focal displacement; None without one.
        corners: per level the midline ends of the reference line (upper, lower), RAS+ mm.
    """

    image: Volume
    labels: Volume
    displaced: Volume
    truth: dict[str, dict[str, float]]
    side: Literal["left", "right"] | None
    corners: dict[str, tuple[Point, Point]]


def plain_study(
    *,
    seed: int = 0,
    slice_mm: float = 4.0,
    in_plane_mm: float = 0.6,
    side: Literal["left", "right"] = "left",
    displacement: bool = True,
) -> PlainStudy:
    """Draw the study. The same arguments give the same bytes; the seed changes texture and noise, not the shape.

    Raises:
        UsageError: slices or pixels outside 0.5-6 mm and 0.3-1.5 mm.
    """
    if not (0.5 <= slice_mm <= 6 and 0.3 <= in_plane_mm <= 1.5):
        raise UsageError("a synthetic study needs slices of 0.5-6 mm and pixels of 0.3-1.5 mm")
    rng = np.random.default_rng(seed)
    blocks = spine()
    discs = [b for b in blocks if b.is_disc and b.name[0] != "S"]
    bodies = [b for b in blocks if not b.is_disc]
    x_mm = -LATERAL_MM if side == "left" else LATERAL_MM
    focal = Focal(next(d for d in discs if d.name == FOCAL_LEVEL), x_mm) if displacement else None

    shape = (
        2 * round(HALF_WIDTH_MM / slice_mm) + 1,
        round(FIELD_AP_MM / in_plane_mm),
        round(FIELD_SI_MM / in_plane_mm),
    )
    affine = np.diag([slice_mm, -in_plane_mm, -in_plane_mm, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2
    y, z = (affine[a, 3] + affine[a, a] * np.arange(shape[a]) for a in (1, 2))
    scene = Scene(np.stack(np.meshgrid(y, z, indexing="ij"), -1), in_plane_mm, blocks, focal, rng)
    # An odd number of sub-slices: the middle one is the voxel centre, where labels are taken.
    count = 2 * int(slice_mm / 1.6) + 1
    within = (np.arange(count) - count // 2) * slice_mm / count
    image, labels = np.empty(shape, np.float32), np.empty(shape, np.uint16)
    displaced = np.zeros(shape, np.uint16)
    for n, centre in enumerate(affine[0, 3] + slice_mm * np.arange(shape[0])):
        canvas = scene.draw((centre + within)[:, None, None])
        image[n], labels[n] = canvas.value.mean(0), canvas.label
        for disc in discs:
            window = scene.window(disc.ends[:, 1], 14.0)
            mask = displaced_material(np.array(centre), scene.plane[window], disc, bodies, focal)
            level = Level.parse(disc.name)
            displaced[n][window][mask] = level.ordinal
            labels[n][window][mask] = anatomy_index(Structure.DISC, level.upper)
    return PlainStudy(
        image=Volume(scan(image, scene), affine),
        labels=Volume(labels, affine),
        displaced=Volume(displaced, affine),
        truth={disc.name: truth_of(disc, bodies, focal) for disc in discs},
        side=side if displacement else None,
        corners={d.name: (_point(d.ends[0, 1]), _point(d.ends[1, 1])) for d in discs},
    )


def write(study: PlainStudy, folder: Path) -> None:
    """Write `study_T2w.nii.gz`, which says SYNTHETIC in its header, and `truth.json`; the same study, the same bytes.

    Raises:
        OutputError: the folder cannot be written.
    """
    image = nib.Nifti1Image(study.image.data, study.image.affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"SYNTHETIC lumbar T2, resorb.simulation.plain"
    truth = {"synthetic": True, "side": study.side, "levels": study.truth}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        nib.save(image, folder / "study_T2w.nii.gz")
        (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{folder}: the synthetic study cannot be written there ({error.strerror})"
        ) from error


def _point(plane: Array) -> Point:
    """A point of the midsagittal plane in RAS+ mm."""
    return 0.0, float(plane[0]), float(plane[1])
