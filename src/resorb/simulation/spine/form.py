"""What makes one vertebra differ from its neighbours, and one person's marrow from another's.

All figures are ours, set by eye beside T2-weighted scans, but for those that carry a source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Share of fat in the marrow of a lumbar body, mean and standard deviation between people, and its limits. It grows
#: with age and differs widely (Kugel 2001, JMRI 13:263, 25 to 55 % of the signal; from memory, unverified); the spread
#: is wider, so that the ratio of CSF to marrow covers that of patients.
PERSON_FAT, FAT_LIMITS = (0.52, 0.13), (0.32, 0.92)
LEVEL_FAT_SD, FAT_PER_LEVEL = 0.02, 0.008  # between a person's bodies; more from above downwards


@dataclass(frozen=True)
class Form:
    """The individual traits of one vertebra; the defaults are those of a plain one.

    Attributes:
        seed: of its irregular surfaces and its texture.
        marrow_fat: mean share of fat in the marrow of its body.
        mottled: strength of the marrow's texture, 1 as usual.
        wall: thickness of its cortex, 1 as usual.
        waist_front, waist_skew: how far the front is drawn in, as a share of the width; how far the narrowest place
            lies above (positive) or below the middle.
        uneven_waist: by what share the waist is deeper on the left than on the right.
        spinous_tall: height of the spinous process as a share of that of a large one.
        spinous_tilt_deg: further downwards than usual; spinous_aside_mm: of its tip, to the left.
        spinous_droop_mm: how far the lower hind edge hangs below.
    """

    seed: int = 0
    marrow_fat: float = 0.5
    mottled: float = 1.0
    wall: float = 1.0
    waist_front: float = 0.04
    waist_skew: float = 0.0
    uneven_waist: float = 0.0
    spinous_tall: float = 0.8
    spinous_tilt_deg: float = 0.0
    spinous_aside_mm: float = 0.0
    spinous_droop_mm: float = 2.0


PLAIN = Form()


def draw_form(seed: int, name: str, size: float) -> Form:
    """The traits of a person's vertebra, from the seed of the spine; independent of all other draws."""
    person = np.random.default_rng([seed, 8])
    fat, mottled, wall = person.normal(*PERSON_FAT), person.uniform(0.75, 1.45), person.uniform(0.8, 1.25)
    fat = float(np.clip(fat, *FAT_LIMITS))
    own = np.random.default_rng([seed, 8, *name.encode()])
    below = int(name[1:]) - 3 if name.startswith("L") else -3 if name.startswith("T") else 3
    aside = float(np.clip(own.normal(0.0, 0.8), -2.0, 2.0))
    return Form(
        seed=int(own.integers(2**31)),
        marrow_fat=fat + FAT_PER_LEVEL * below + float(own.normal(0.0, LEVEL_FAT_SD)),
        mottled=float(mottled * own.uniform(0.85, 1.15)),
        wall=float(wall * own.uniform(0.9, 1.1)),
        waist_front=float(own.uniform(0.02, 0.065)),
        waist_skew=float(own.uniform(-0.4, 0.4)),
        uneven_waist=float(np.clip(own.normal(0.0, 0.15), -0.3, 0.3)),
        spinous_tall=float(own.uniform(0.62, 0.95)),
        spinous_tilt_deg=float(np.clip(own.normal(3.0, 5.0), -6.0, 12.0)),
        spinous_aside_mm=aside * size,
        spinous_droop_mm=float(own.uniform(0.0, 4.0) * size),
    )
