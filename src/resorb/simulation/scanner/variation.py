"""How people and scanners differ from the table of relaxation times: drawn once per person, once per series."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from resorb.simulation.phantom import Phantom
from resorb.simulation.scanner.relaxation import relaxation
from resorb.simulation.tissue import Tissue

#: Spread (log) of the T2 weighting, and of fat's and of CSF's brightness, between scanners: echo spacing, refocusing
#: angles, order of the echoes, flow. Conventions: with them, and with the spread between people that `tissue.toml`
#: holds, the ratios of tissues span those of public T2 images. Marrow's share of fat varies in the phantom.
TE_SPREAD, FAT_SPREAD, CSF_SPREAD = 0.08, 0.12, 0.10
#: Nothing is drawn farther out than this many spreads.
FARTHEST = 2.0
#: Tissues that are alike in one person.
_ALIKE = {
    Tissue.DISPLACED: Tissue.ANNULUS,
    Tissue.NUCLEUS: Tissue.ANNULUS,
    Tissue.ROOT: Tissue.CORD,
}


@dataclass(frozen=True)
class Person:
    """Factors of T2 and density by tissue; 1 where none is given."""

    t2: Mapping[Tissue, float] = field(default_factory=dict)
    density: Mapping[Tissue, float] = field(default_factory=dict)

    @classmethod
    def of(cls, phantom: Phantom) -> Person:
        """The person whose vertebrae these are: the same on every date and in every scanner."""
        marks = np.concatenate([body.pose.ravel() for body in phantom.vertebrae.values()])
        # Adding zero makes one zero of the two.
        seed = hashlib.blake2b((np.round(marks, 3) + 0.0).astype("<f8").tobytes(), digest_size=8).digest()
        rng = np.random.default_rng(int.from_bytes(seed, "little"))
        drawn = {tissue: (_drawn(rng), _drawn(rng)) for tissue in Tissue}
        drawn |= {tissue: drawn[like] for tissue, like in _ALIKE.items()}
        table = relaxation()
        return cls(
            t2={tissue: float(np.exp(table[tissue].t2_spread * drawn[tissue][0])) for tissue in Tissue},
            density={
                tissue: float(np.exp(table[tissue].density_spread * drawn[tissue][1])) for tissue in Tissue
            },
        )


@dataclass(frozen=True)
class Contrast:
    """Factors by which a scanner's T2 weighting and its brightness of fat and CSF differ from the usual."""

    te: float = 1.0
    fat: float = 1.0
    csf: float = 1.0

    @classmethod
    def of(cls, rng: np.random.Generator) -> Contrast:
        te, fat, csf = (float(np.exp(spread * _drawn(rng))) for spread in (TE_SPREAD, FAT_SPREAD, CSF_SPREAD))
        return cls(te, fat, csf)


def _drawn(rng: np.random.Generator) -> float:
    return float(np.clip(rng.standard_normal(), -FARTHEST, FARTHEST))
