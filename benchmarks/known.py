"""Where a set's labels say whether a structure is there: no set labels everything that its images show."""

from __future__ import annotations

import numpy as np

from benchmarks.labelled import CLASSES_OF, Mask, Meanings, structures
from resorb import Volume
from resorb.anatomy import VERTEBRAE
from training.harmonise import Bits, Labels, bodies, discs, spider

#: A rule of training/harmonise.py applies to a set that labels just these, whatever its name.
SPIDER = {"vertebra", "disc", "canal"}
BY_EXTENT = "extent of the labels"
ALL_CLASSES = 255


def known(labels: Volume, table: Meanings, herniated: tuple[int, ...]) -> tuple[dict[str, Mask], str]:
    """Per structure, the voxels whose labels tell whether it is there; and by which rule.

    Sets that label what one of the sets of training/harmonise.py labels have its rule; of others, a structure is
    known in the labelled slices, between the highest and the lowest row of its own labels.

    Args:
        labels: expert labels, in sagittal order.
        table: what they mean.
        herniated: discs graded as herniated, counted upwards from the lowest = 1.
    """
    there = structures(labels, table)
    try:
        ruled = _ruled(labels, table, herniated)
    except (ValueError, IndexError, RuntimeError):  # a rule meets labels it was not made for
        ruled = None
    if ruled is None:
        return {name: _extent(mask, labels.data > 0) for name, mask in there.items()}, BY_EXTENT
    bits, rule = ruled
    found = {}
    for name, mask in there.items():
        wanted = sum(1 << int(s) for s in CLASSES_OF[name])
        certain = ((bits & wanted) == 0) | ((bits & (ALL_CLASSES - wanted)) == 0)
        found[name] = np.asarray(certain | mask)
    return found, rule


def _extent(mask: Mask, labelled: Mask) -> Mask:
    rows = np.flatnonzero(mask.any(axis=(0, 2)))
    result = np.zeros(mask.shape, bool)
    result[labelled.any(axis=(1, 2)), rows[0] : rows[-1] + 1] = True
    return result


def _ruled(labels: Volume, table: Meanings, herniated: tuple[int, ...]) -> tuple[Bits, str] | None:
    x, y, z = (float(v) for v in labels.spacing_mm)
    spacing = (x, y, z)
    labelled = {meaning.structure for meaning in table.values()}
    if labelled == SPIDER:
        codes = {"vertebra": 1, "disc": 2, "canal": 3}
        order = {n: codes[meaning.structure] for n, meaning in table.items()}
        return spider(_renumbered(labels, order), spacing, herniated), "rule for vertebrae, discs and canal"
    here = {n: m.name for n, m in table.items() if (labels.data == n).any()}
    if not here or not all(here.values()):
        return None
    upwards = sorted(here, key=lambda n: -VERTEBRAE.index(here[n].partition("/")[0]))
    order = {n: count for count, n in enumerate(upwards, start=1)}
    lowest = here[upwards[0]]
    if labelled <= {"body", "sacrum"} and lowest in ("L5", "L6", "S1"):
        sacrum = 1 if lowest == "S1" else None
        given = _renumbered(labels, order)
        return bodies(given, spacing, sacrum=sacrum, lowest=2 if sacrum else 1), "rule for bodies"
    if labelled == {"disc"} and lowest.endswith("/S1"):
        return discs(_renumbered(labels, order), spacing), "rule for discs"
    return None


def _renumbered(labels: Volume, order: dict[int, int]) -> Labels:
    result = np.zeros(labels.shape, np.int32)
    for given, wanted in order.items():
        result[labels.data == given] = wanted
    return result
