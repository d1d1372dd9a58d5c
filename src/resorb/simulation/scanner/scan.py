"""Acquires a series: one scan of a phantom as it lies on a date, with the labels of every voxel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.phantom import Phantom
from resorb.simulation.scanner.coil import BAND_BEFORE_MM, band, sensitivity
from resorb.simulation.scanner.geometry import Grid, Lying, grids
from resorb.simulation.scanner.kspace import Readout
from resorb.simulation.scanner.lattice import RestLattice
from resorb.simulation.scanner.protocol import INTERPOLATION, INTERPOLATION_ACROSS, fill, frequency_axis
from resorb.simulation.scanner.sample import Sampled, Sampler
from resorb.simulation.scanner.signal import Signals, signals
from resorb.simulation.scanner.variation import Contrast, Person
from resorb.simulation.spec import ScannerSpec
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray, Volume

Field = NDArray[np.float32]

#: Grey value of CSF by vendor, spread about it from scan to scan, and the largest value a scanner writes (12 bits).
CSF_GREY = {"siemens": 700.0, "philips": 1100.0, "ge": 1300.0, "canon": 1000.0}
GREY_SPREAD, TOP_GREY = 0.15, 4095
#: What moves: CSF with the pulse, bowel of itself. Flowing blood is not seen and casts no ghost.
_MOVING = (Tissue.CSF, Tissue.BOWEL)
#: Two-dimensional slices of these vendors are stored from left to right, those of the others from right to left.
_LEFT_FIRST = ("siemens", "canon")
#: Flow dephases in thick slices; a 3D train of short echoes hardly shows it.
FLOW_IN_3D = 0.3


@dataclass(frozen=True, eq=False)
class Scan:
    """One series as a scanner stores it, and its truth voxel by voxel.

    Attributes:
        stacks: int16 images (column, row, slice).
        labels: uint16 `anatomy_index` at the voxel centres, on the same grids.
        displaced: uint8, which of the phantom's displaced material fills a voxel, from 1; 0 none.
        sequence: acquisition facts under the names of `Series.sequence`.
        spec: the request with everything filled in.
        signals: what this scanner sees of this person's tissues, without noise or flow.
    """

    stacks: tuple[Volume, ...]
    labels: tuple[Volume, ...]
    displaced: tuple[Volume, ...]
    sequence: dict[str, str | float]
    spec: ScannerSpec
    signals: Signals


def acquire(phantom: Phantom, pose: Lying, spec: ScannerSpec, seed: int) -> Scan:
    """Scan a phantom.

    Args:
        pose: how it lies; `course.Pose` or anything like it.
        spec: what is left out gets its usual value.
        seed: of the noise, the ghosts and the small freedoms of a technologist; same seed, same bytes.

    Raises:
        UsageError: no scanner could do what is asked for, or a level is asked for that is not there.
    """
    filled = fill(spec, phantom)
    origin = np.random.SeedSequence([seed, 0x5CA4])
    place, flow, noise, grey, hand = origin.spawn(5)
    rng = np.random.default_rng(hand)
    table = signals(filled, Person.of(phantom), Contrast.of(rng))
    bench = _Bench(phantom, pose, filled, table, float(rng.uniform(*BAND_BEFORE_MM)))
    places = grids(filled, phantom, pose, np.random.default_rng(place))
    taken = []
    for grid, stack_flow, stack_noise in zip(
        places, flow.spawn(len(places)), noise.spawn(len(places)), strict=True
    ):
        taken.append(_stack(bench, grid, stack_flow, stack_noise))
    images = _graded([image for image, _ in taken], [seen for _, seen in taken], filled, grey)
    reverse = _reversed(filled)
    return Scan(
        stacks=tuple(_stored(image, grid, reverse) for image, grid in zip(images, places, strict=True)),
        labels=tuple(
            _stored(seen.labels, grid, reverse) for (_, seen), grid in zip(taken, places, strict=True)
        ),
        displaced=tuple(
            _stored(seen.displaced, grid, reverse) for (_, seen), grid in zip(taken, places, strict=True)
        ),
        sequence=_facts(filled),
        spec=filled,
        signals=table,
    )


@dataclass(frozen=True, eq=False)
class _Bench:
    """What is the same for every stack of a series; the band lies `before_mm` in front of the bodies."""

    phantom: Phantom
    pose: Lying
    spec: ScannerSpec
    signals: Signals
    before_mm: float


def _stack(
    bench: _Bench, grid: Grid, flow: np.random.SeedSequence, noise: np.random.SeedSequence
) -> tuple[Field, Sampled]:
    """The image of one stack in units of CSF, and what was sampled."""
    spec = bench.spec
    strength = spec.flow_void * (FLOW_IN_3D if spec.sequence == "space" else 1.0)
    sampler = Sampler(
        bench.phantom,
        grid,
        bench.pose,
        bench.signals,
        _fat_shift(grid, spec),
        strength,
        np.random.default_rng(flow),
    )
    seen = sampler.run()
    csf = (seen.tissue == Tissue.CSF) & (seen.labels == anatomy_index(Structure.THECAL_SAC))
    _weigh(seen.signal, _coil_and_band(bench, sampler.lattice), sampler.lattice, csf)
    moving = np.where(np.isin(seen.tissue, [int(t) for t in _MOVING]), seen.signal, np.float32(0))
    readout = Readout(
        acquired=1 / INTERPOLATION[spec.sequence],
        sigma=1 / float(spec.snr or np.inf),
        ghosting=spec.ghosting,
        phase_axis=0 if frequency_axis(spec) == "row" else 1,
        across=1 / INTERPOLATION_ACROSS[spec.sequence],
    )
    return readout.image(seen.signal, moving, noise.spawn(grid.shape[0])), seen


def _fat_shift(grid: Grid, spec: ScannerSpec) -> FloatArray:
    """(3,) displacement of fat in the world, mm: along the frequency direction."""
    axis = 2 if frequency_axis(spec) == "row" else 1
    return np.asarray(spec.chemical_shift_px * grid.affine[:3, axis])


def _coil_and_band(bench: _Bench, lattice: RestLattice) -> Callable[[Field], Field]:
    """What a point at rest (3, n), mm, keeps of its signal."""
    spec, phantom = bench.spec, bench.phantom

    def kept(points: Field) -> Field:
        share = np.ones(points.shape[1], np.float32)
        if spec.shading > 0:
            share *= sensitivity(phantom, points) ** np.float32(spec.shading)
        if spec.plane == "sagittal" and spec.saturation > 0:
            share *= 1 - np.float32(spec.saturation) * (1 - band(phantom, points, bench.before_mm))
        return share

    return kept


def _weigh(
    signal: Field, kept: Callable[[Field], Field], lattice: RestLattice, csf: NDArray[np.bool_]
) -> None:
    """Weigh a signal by coil and band, in place, so that CSF keeps its mean."""
    nodes = np.moveaxis(lattice.nodes, 1, 0)
    weights = kept(nodes.reshape(3, -1)).reshape(nodes.shape[1:])
    total, count = 0.0, 0
    for k in range(len(signal)):
        weight = lattice.spread(weights, k)
        total, count = total + float(weight[csf[k]].sum(dtype=np.float64)), count + int(csf[k].sum())
        signal[k] *= weight
    if count:
        signal /= np.float32(total / count)


def _graded(
    images: list[Field], seen: list[Sampled], spec: ScannerSpec, seed: np.random.SeedSequence
) -> list[NDArray[np.int16]]:
    """Grey values as the vendor scales them; with `clip`, that share of the CSF lies at the top of the scale."""
    sac = anatomy_index(Structure.THECAL_SAC)
    spread = np.random.default_rng(seed).uniform(-GREY_SPREAD, GREY_SPREAD)
    scale = CSF_GREY[spec.vendor] * (1 + spread)
    csf = np.concatenate(
        [image[(s.tissue == Tissue.CSF) & (s.labels == sac)] for image, s in zip(images, seen, strict=True)]
    )
    if spec.clip > 0 and len(csf):
        scale = TOP_GREY / float(np.quantile(csf, 1 - spec.clip))
    elif len(csf):
        scale = min(scale, (TOP_GREY - 1) / float(csf.max()))
    return [np.minimum(np.rint(image * scale), TOP_GREY).astype(np.int16) for image in images]


def _reversed(spec: ScannerSpec) -> bool:
    """Whether the last slice of the grid is stored first."""
    if spec.plane == "axial":
        return spec.vendor in ("siemens", "ge")  # from above downwards
    return spec.vendor in _LEFT_FIRST


def _stored(values: NDArray[np.generic], grid: Grid, reverse: bool) -> Volume:
    """An array (slice, row, column) in the scanner's storage order (column, row, slice)."""
    affine = grid.affine[:, [2, 1, 0, 3]].copy()
    data = values.transpose(2, 1, 0)
    if reverse:
        affine[:3, 3] += affine[:3, 2] * (data.shape[2] - 1)
        affine[:3, 2] *= -1
        data = data[:, :, ::-1]
    return Volume(data, affine)


def _facts(spec: ScannerSpec) -> dict[str, str | float]:
    """As headers name them (`Series.sequence`), and the direction in which frequency is encoded."""
    along = {
        ("sagittal", "row"): "AP",
        ("sagittal", "column"): "HF",
        ("axial", "row"): "RL",
        ("axial", "column"): "AP",
    }
    return {
        "manufacturer": spec.vendor,
        "field_strength_t": spec.field_tesla,
        "tr_ms": float(spec.tr_ms or 0),
        "te_ms": float(spec.te_ms or 0),
        "acquisition": "3D" if spec.sequence == "space" else "2D",
        "fat_suppressed": "no",
        "contrast_agent": "no",
        "frequency_direction": along[spec.plane, frequency_axis(spec)],
    }
