"""What comes of putting a herniation into a scan, or of taking one out: the `Implanted` scan with its truth."""

from __future__ import annotations

from dataclasses import dataclass

from resorb.study import Volume


@dataclass(frozen=True, eq=False)
class Implanted:
    """A real scan whose displaced material is synthetic, on the grid and in the storage order it was given in.

    Attributes:
        image: of the scan's own dtype; voxels that nothing moved in keep their value to the bit.
        labels: `anatomy_index`, changed with the image.
        displaced: float32, the share of each voxel that is displaced material (put in, or taken out).
        truth: quantities of the material by name, with units in the names (`depth_mm`, `volume_mm3`), from its
            own geometry.
    """

    image: Volume
    labels: Volume
    displaced: Volume
    truth: dict[str, float]
