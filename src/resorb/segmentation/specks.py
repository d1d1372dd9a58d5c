"""Specks that the network takes for sac or disc where there can be none.

Marrow in a ring of dark cortex, as in a transverse process, looks like a sac in its canal with disc beside it; facets
and yellow ligaments look like disc. A fragment of disc is told by lying against the sac (`paint`), so that both
together made a sequestration of what is bone. What people drew is never touched.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure
from resorb.segmentation.model import Segmentation
from resorb.voxels import box_of, index_of

#: A piece of sac smaller than this share of the largest is a speck; between two levels that are stenosed shut there is
#: a sixth of a lumbar sac and more.
MIN_SAC_PIECE = 0.03

Index = NDArray[np.intp]


def without_specks(found: Segmentation) -> Segmentation:
    """The same without pieces of sac far smaller than the sac, and without pieces of disc behind the middle of it.

    Posterior epidural fragments, a rarity, are lost with the facets: a mask that is edited brings them back.

    Args:
        found: of a sagittal stack, in sagittal order.
    """
    data = found.structures.data
    specks = np.zeros(data.shape, bool)
    if (box := box_of(data > 0)) is not None:
        specks[box][tuple(_specks(data[box]).T)] = True
    return found.with_structure(specks, Structure.BACKGROUND)


def _specks(structures: NDArray[np.uint8]) -> Index:
    """Index (n, 3) of the voxels to be left out."""
    sac, of_sac = _pieces(structures == Structure.THECAL_SAC)
    if not len(sac):
        return sac
    size = np.bincount(of_sac)
    whole = size[of_sac] >= MIN_SAC_PIECE * size.max()
    canal = sac[whole]
    disc, of_disc = _pieces(structures == Structure.DISC)
    behind = np.zeros(len(disc), bool)
    for number in np.unique(of_disc):
        own = of_disc == number
        rows = disc[own, 1]
        beside = canal[(canal[:, 1] >= rows.min()) & (canal[:, 1] <= rows.max()), 2]
        # Columns run backwards.
        behind[own] = len(beside) > 0 and disc[own, 2].mean() > beside.mean()
    return np.concatenate([sac[~whole], disc[behind]])


def _pieces(mask: NDArray[np.bool_]) -> tuple[Index, NDArray[np.intp]]:
    """Index (n, 3) of the voxels of a mask, and (n,) the number of the connected piece that each belongs to."""
    index = index_of(mask)
    pieces, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return index, pieces[tuple(index.T)].astype(np.intp)
