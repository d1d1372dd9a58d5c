"""Specks that the network takes for sac or disc where there can be none.

Marrow in a ring of dark cortex, as in a transverse process, looks like a sac in its canal with disc beside it; facets
and yellow ligaments look like disc. A fragment of disc is told by lying against the sac (`paint`), so that both
together made a sequestration of what is bone. What people drew is never touched.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure
from resorb.segmentation.model import Segmentation
from resorb.study import Volume

#: A piece of sac smaller than this share of the largest is a speck; between two levels that are stenosed shut there is
#: a sixth of a lumbar sac and more.
MIN_SAC_PIECE = 0.03
TOUCHING = np.ones((3, 3, 3))


def without_specks(found: Segmentation) -> Segmentation:
    """The same without pieces of sac far smaller than the sac, and without pieces of disc behind the middle of it.

    Posterior epidural fragments, a rarity, are lost with the facets: a mask that is edited brings them back.

    Args:
        found: of a sagittal stack, in sagittal order.
    """
    structures = found.structures
    sac = structures.data == Structure.THECAL_SAC
    pieces, count = ndimage.label(sac, structure=TOUCHING)
    if not count:
        return found
    size = np.bincount(pieces.ravel())
    size[0] = 0
    whole = (size >= MIN_SAC_PIECE * size.max())[pieces]
    specks = (sac & ~whole) | _behind(structures, whole)
    data = np.where(specks, Structure.BACKGROUND, structures.data).astype(structures.data.dtype)
    return replace(found, structures=structures.with_data(data))


def _behind(structures: Volume, sac: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pieces of disc whose middle lies behind that of the sac at their height; columns run backwards."""
    pieces, count = ndimage.label(structures.data == Structure.DISC, structure=TOUCHING)
    disc, canal = np.argwhere(pieces), np.argwhere(sac)
    of = pieces[tuple(disc.T)]
    middles = np.bincount(of, disc[:, 2], count + 1) / np.maximum(np.bincount(of, minlength=count + 1), 1)
    behind = np.zeros(count + 1, bool)
    for number, (_, rows, _columns) in enumerate(ndimage.find_objects(pieces), start=1):
        beside = canal[(canal[:, 1] >= rows.start) & (canal[:, 1] < rows.stop), 2]
        behind[number] = len(beside) > 0 and middles[number] > beside.mean()
    return np.asarray(behind[pieces])
