"""The tissues a simulated body is made of; what a scanner sees of each stands in `scanner/tissue.toml`."""

from __future__ import annotations

from enum import IntEnum


class Tissue(IntEnum):
    """The main tissue of a voxel. A voxel may hold a share of a second one, its `PARTNER`."""

    AIR = 0
    FAT = 1
    MUSCLE = 2
    CORTEX = 3
    MARROW = 4
    ENDPLATE = 5
    ANNULUS = 6
    NUCLEUS = 7
    DISPLACED = 8
    CSF = 9
    CORD = 10
    ROOT = 11
    DURA = 12
    EPIDURAL_FAT = 13
    LIGAMENT = 14
    VEIN = 15
    VESSEL = 16
    JOINT = 17
    BOWEL = 18
    SKIN = 19


#: What a voxel's `mix` is a share of. A disc runs from annulus to nucleus, and a degenerated nucleus is
#: one with a smaller share of water-rich nucleus; displaced material likewise. Muscle and marrow hold
#: fat, fat holds septa, epidural fat holds veins, dura is thinner than a voxel and leaves the rest of it to CSF, and
#: moving CSF loses its signal as a vessel does.
PARTNER: dict[Tissue, Tissue] = {
    Tissue.FAT: Tissue.LIGAMENT,
    Tissue.MUSCLE: Tissue.FAT,
    Tissue.MARROW: Tissue.FAT,
    Tissue.ANNULUS: Tissue.NUCLEUS,
    Tissue.DISPLACED: Tissue.NUCLEUS,
    Tissue.CSF: Tissue.VESSEL,
    Tissue.DURA: Tissue.CSF,
    Tissue.EPIDURAL_FAT: Tissue.VEIN,
    Tissue.LIGAMENT: Tissue.FAT,
    Tissue.BOWEL: Tissue.FAT,
    Tissue.ROOT: Tissue.CSF,
}
