"""A spine of boxes, whose every length is known in closed form: for tests of what is done to a phantom."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.simulation.phantom import Pedicle, Phantom, Side, Tissues, Vertebra
from resorb.simulation.spec import DiscSpec
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

#: Bodies 48 wide, 34 deep, 28 high; discs 10 high. The posterior walls lie in the plane y = 0, the midline
#: in x = 0, the middle of disc L4/L5 at z = 0.
HALF_WIDTH_MM, DEPTH_MM, BODY_MM, DISC_MM = 24.0, 34.0, 28.0, 10.0
#: Behind the walls: 2 mm of fat, an elliptic sac 16 deep and 20 wide, fat, and laminae from 22 mm on.
SAC_FRONT_MM, SAC_DEPTH_MM, SAC_HALF_WIDTH_MM, LAMINA_MM, FACET_MM = 2.0, 16.0, 10.0, 22.0, 13.0
NAMES = ("L3", "L4", "L5", "S1")
LEVELS = (Level("L3", "L4"), Level("L4", "L5"), Level("L5", "S1"))


def middle_z(name: str) -> float:
    """Height of a body's centre, mm."""
    return (BODY_MM + DISC_MM) * (1.5 - NAMES.index(name))


def rim(z: float) -> FloatArray:
    """A closed rectangle from the posterior midline round by the left (-x)."""
    corners = [(0.0, 0.0), (-24.0, 0.0), (-24.0, 34.0), (24.0, 34.0), (24.0, 0.0), (0.0, 0.0)]
    legs = [np.linspace(a, b, 25)[:-1] for a, b in pairwise(corners)]
    plane = np.concatenate([*legs, [corners[-1]]])
    return np.column_stack([plane, np.full(len(plane), z)])


def phantom(pitch_mm: float = 1.0) -> Phantom:
    """The spine in its box of fat."""
    low, high = np.array([-40.0, -45.0, -80.0]), np.array([40.0, 45.0, 80.0])
    shape = np.round((high - low) / pitch_mm).astype(int)
    affine = np.diag([pitch_mm, pitch_mm, pitch_mm, 1.0])
    affine[:3, 3] = low + pitch_mm / 2  # boundaries of the boxes fall between voxel centres
    x, y, z = (
        affine[a, 3] + pitch_mm * np.arange(shape[a]).reshape([-1 if b == a else 1 for b in range(3)])
        for a in range(3)
    )
    tissue = np.full(tuple(shape), Tissue.FAT, np.uint8)
    anatomy = np.zeros(tuple(shape), np.uint16)
    mix = np.zeros(tuple(shape), np.uint8)
    canal = (np.abs(x) < FACET_MM) & (y < 0) & (y > -LAMINA_MM) & (np.abs(z) < 80)
    tissue[canal] = Tissue.EPIDURAL_FAT
    centre = -(SAC_FRONT_MM + SAC_DEPTH_MM / 2)
    sac = (x / SAC_HALF_WIDTH_MM) ** 2 + ((y - centre) / (SAC_DEPTH_MM / 2)) ** 2 < 1
    sac = sac & (np.abs(z) < 80)
    tissue[sac], anatomy[sac] = Tissue.CSF, anatomy_index(Structure.THECAL_SAC)
    within = (np.abs(x) < HALF_WIDTH_MM) & (y > 0) & (y < DEPTH_MM)
    lamina = (np.abs(x) < FACET_MM) & (y < -LAMINA_MM) & (y > -LAMINA_MM - 6)
    sides: tuple[tuple[Side, float], ...] = (("left", -1.0), ("right", 1.0))
    vertebrae = {}
    for name in NAMES:
        mid = middle_z(name)
        body = within & (np.abs(z - mid) < BODY_MM / 2)
        structure = Structure.SACRUM if name == "S1" else Structure.VERTEBRAL_BODY
        tissue[body], anatomy[body] = Tissue.MARROW, anatomy_index(structure, name)
        arch = lamina & (np.abs(z - mid) < BODY_MM / 2)
        tissue[arch] = Tissue.CORTEX
        anatomy[arch] = anatomy_index(Structure.POSTERIOR_ELEMENTS, name)
        pose = np.array([[-1, 0, 0, 0], [0, -1, 0, DEPTH_MM / 2], [0, 0, 1, mid], [0, 0, 0, 1.0]])
        top, bottom = mid + BODY_MM / 2, mid - BODY_MM / 2
        wall = np.column_stack([np.zeros(15), np.zeros(15), np.linspace(top, bottom, 15)])
        vertebrae[name] = Vertebra(
            name=name,
            pose=pose,
            upper_rim=rim(top),
            lower_rim=None if name == "S1" else rim(bottom),
            wall=wall,
            pedicles={
                side: Pedicle(
                    medial=np.array([sign * 13.0, -3.0, mid + 6]),
                    lateral=np.array([sign * 22.0, -3.0, mid + 6]),
                    top=np.array([sign * 17.5, -3.0, mid + 12]),
                    bottom=np.array([sign * 17.5, -3.0, mid]),
                )
                for side, sign in sides
            },
        )
    facets, discs = {}, {}
    for level in LEVELS:
        mid = middle_z(level.upper) - (BODY_MM + DISC_MM) / 2
        disc = within & (np.abs(z - mid) < DISC_MM / 2)
        tissue[disc], anatomy[disc] = Tissue.ANNULUS, anatomy_index(Structure.DISC, level.upper)
        mix[disc] = 100
        facets[level] = (np.array([-FACET_MM, -LAMINA_MM, mid]), np.array([FACET_MM, -LAMINA_MM, mid]))
        discs[level] = DiscSpec(grade=2, height_share=1.0, bulge_mm=0.0, schmorl_mm=0.0, osteophyte_mm=0.0)
    fine = Tissues(tissue, mix, affine)
    coarse = np.diag([4.0, 4.0, 4.0, 1.0])
    coarse[:3, 3] = (-98.0, -78.0, -98.0)
    around = Tissues(np.full((50, 50, 50), Tissue.FAT, np.uint8), np.zeros((50, 50, 50), np.uint8), coarse)
    return Phantom(fine=fine, around=around, anatomy=anatomy, vertebrae=vertebrae, facets=facets, discs=discs)
