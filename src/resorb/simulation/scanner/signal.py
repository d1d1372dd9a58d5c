"""The signal of each tissue in a sequence: the equation of the spin echo, and what flip-back makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.scanner.relaxation import relaxation
from resorb.simulation.scanner.variation import Contrast, Person
from resorb.simulation.spec import ScannerSpec
from resorb.simulation.tissue import PARTNER, Tissue

#: A 3D train is about twice as long as its effective echo time (centre of k-space in its middle).
TRAIN_PER_TE = 2.0
SHARES = 256  # values of `Tissues.mix`


@dataclass(frozen=True, eq=False)
class Signals:
    """Signal by tissue and share of its partner, in units of the signal of CSF at rest.

    Attributes:
        water, fat: float32 (tissue * 256 + mix,), what is seen at its place and what chemical shift displaces.
    """

    water: NDArray[np.float32]
    fat: NDArray[np.float32]

    def of(self, tissue: Tissue, mix: int = 0) -> float:
        """Signal of one mixture, water and fat together."""
        code = int(tissue) * SHARES + mix
        return float(self.water[code] + self.fat[code])

    def at(self, tissue: NDArray[np.uint8], mix: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Signal of voxels, of the shape of the two arrays."""
        code = tissue.astype(np.intp) * SHARES + mix
        return np.asarray(self.water[code] + self.fat[code], dtype=np.float64)


def spin_echo(density: float, t1_ms: float, t2_ms: float, tr_ms: float, te_ms: float) -> float:
    """Signal of a spin echo, density * (1 - exp(-TR/T1)) * exp(-TE/T2) (Hahn 1950; TE the effective one of a train)."""
    return density * -math.expm1(-tr_ms / t1_ms) * math.exp(-te_ms / t2_ms)


def flip_back(density: float, t1_ms: float, t2_ms: float, tr_ms: float, te_ms: float) -> float:
    """Signal where what is left of the echo train is flipped back along the field before the next excitation.

    Steady state of recovery over TR less the train, and of T2 decay over the train (driven equilibrium, van Uijen
    and den Boef 1984, MRM 1:502; from memory). It stands for SPACE as well: its train of low, varying flip angles is
    described by one effective TE, as proposed by Busse 2006 (MRM 55:1030; from memory), and its mixture of T1 and
    T2 decay during the train is left out.
    """
    train = min(TRAIN_PER_TE * te_ms, 0.9 * tr_ms)
    left, kept = math.exp(-(tr_ms - train) / t1_ms), math.exp(-train / t2_ms)
    return density * (1 - left) / (1 - left * kept) * math.exp(-te_ms / t2_ms)


def signals(spec: ScannerSpec, person: Person | None = None, contrast: Contrast | None = None) -> Signals:
    """The signal of every mixture of a tissue with its partner, in a filled-in sequence.

    Signals, not relaxation rates, are mixed: the two tissues lie side by side in a voxel.

    Args:
        person, contrast: how these differ from the table; None for not at all.
    """
    person, contrast = person or Person(), contrast or Contrast()
    alone = _alone(spec, person, contrast)
    table = relaxation()
    share: NDArray[np.float32] = np.arange(SHARES, dtype=np.float32) / np.float32(SHARES - 1)
    parts = np.zeros((2, len(Tissue), SHARES), np.float32)
    for tissue in Tissue:
        partner = PARTNER.get(tissue, tissue)
        # What CSF loses by moving depends on the sequence, and is switched by the request.
        weight = share * np.float32(spec.flow_void) if tissue is Tissue.CSF else share
        parts[int(table[tissue].shifted), tissue] += alone[tissue] * (1 - weight)
        parts[int(table[partner].shifted), tissue] += alone[partner] * weight
    return Signals(parts[0].ravel(), parts[1].ravel())


def _alone(spec: ScannerSpec, person: Person, contrast: Contrast) -> dict[Tissue, float]:
    """Signal of each unmixed tissue, in units of that of CSF at rest."""
    if spec.tr_ms is None or spec.te_ms is None:
        raise ValueError("TR and TE must be filled in first")
    equation = flip_back if spec.sequence == "space" else spin_echo
    te, tesla = spec.te_ms * contrast.te, spec.field_tesla
    found = {}
    for tissue, entry in relaxation().items():
        density = entry.density * person.density.get(tissue, 1.0) * (contrast.fat if entry.shifted else 1.0)
        t2 = entry.t2(tesla) * person.t2.get(tissue, 1.0)
        found[tissue] = equation(density, entry.t1(tesla), t2, spec.tr_ms, te)
    unit = found[Tissue.CSF]
    rest = {tissue: value / (unit * contrast.csf) for tissue, value in found.items()}
    return {**rest, Tissue.CSF: 1.0}
