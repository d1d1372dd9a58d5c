"""Random patients: what lumbar MRI of people with back and leg pain usually shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal, TypeVar

import numpy as np

from resorb.anatomy import Level
from resorb.simulation.spec import (
    CaseSpec,
    ChangeSpec,
    DateSpec,
    HerniationSpec,
    Mechanism,
    Morphology,
    ScannerSpec,
    SpineSpec,
    Vendor,
    Zone,
)

# How often, per case: conventions that cover what occurs, not figures of prevalence.
LEVELS = {1: 0.36, 2: 0.40, 3: 0.14, 4: 0.06, 5: 0.04}  # counted upwards from the sacrum
TYPES: dict[Morphology, float] = {"bulge": 0.10, "protrusion": 0.40, "extrusion": 0.35, "sequestration": 0.15}
ZONES: dict[Zone, float] = {
    "central": 0.18,
    "paracentral": 0.45,
    "subarticular": 0.17,
    "foraminal": 0.13,
    "extraforaminal": 0.07,
}
COUNTS = {0: 0.12, 1: 0.68, 2: 0.20}
BODIES: dict[Literal[4, 5, 6], float] = {5: 0.90, 4: 0.05, 6: 0.05}
VENDORS: dict[Vendor, float] = {"siemens": 0.35, "philips": 0.3, "ge": 0.25, "canon": 0.1}
FOLLOWED_UP, RECURS, GROWS, SPACE, WITH_AXIAL = 0.5, 0.06, 0.2, 0.25, 0.4
SNR, SNR_SPACE = (18, 80), (15, 32)
FIRST_DAY = date(2020, 1, 1)

T = TypeVar("T")


def random_case(seed: int, number: int) -> CaseSpec:
    """The numberth case of a seed; each case depends on these two alone, so that any part can be made again."""
    rng = np.random.default_rng([seed, number])
    spine = SpineSpec(
        seed=int(rng.integers(2**31)),
        lumbar_bodies=_pick(rng, BODIES),
        variety=round(float(rng.beta(1.5, 4.0)), 3),
    )
    herniations = _herniations(rng, spine)
    day = FIRST_DAY + timedelta(days=int(rng.integers(2000)))
    series = _series(rng)
    dates = [DateSpec(date=day, series=series)]
    if rng.random() < FOLLOWED_UP:
        later = day + timedelta(days=int(rng.integers(60, 500)))
        changes = tuple(_change(rng, n, one) for n, one in enumerate(herniations, start=1))
        new = _herniations(rng, spine, taken=herniations)[:1] if rng.random() < RECURS else ()
        dates.append(DateSpec(date=later, changes=changes, new=new, series=_series(rng)))
    return CaseSpec(
        name=f"case-{number:06d}",
        seed=int(rng.integers(2**31)),
        spine=spine,
        herniations=herniations,
        dates=tuple(dates),
        misfits="leave out",
    )


def _herniations(
    rng: np.random.Generator, spine: SpineSpec, taken: tuple[HerniationSpec, ...] = ()
) -> tuple[HerniationSpec, ...]:
    lumbar = [f"L{n}" for n in range(1, spine.lumbar_bodies + 1)]
    found: list[HerniationSpec] = []
    for _ in range(_pick(rng, COUNTS)):
        upwards = min(_pick(rng, LEVELS), len(lumbar))
        level = Level(lumbar[-upwards], [*lumbar, "S1"][-upwards])
        if any(one.level == level for one in (*found, *taken)):
            continue  # two herniations of one disc would run into each other
        morphology, zone = _pick(rng, TYPES), _pick(rng, ZONES)
        bulge = morphology == "bulge"
        found.append(
            HerniationSpec(
                level=level,
                type=morphology,
                zone="central" if bulge else zone,
                side=None if bulge or zone == "central" else ("left" if rng.random() < 0.5 else "right"),
            )
        )
    return tuple(found)


def _change(rng: np.random.Generator, number: int, herniation: HerniationSpec) -> ChangeSpec:
    if rng.random() < GROWS:
        return ChangeSpec(herniation=number, remaining=round(float(rng.uniform(1.0, 1.3)), 3))
    free = herniation.type == "sequestration"
    ways: tuple[Mechanism, ...] = ("erosion", "shrinkage") if free else ("erosion", "shrinkage", "retraction")
    shares = rng.dirichlet(np.full(len(ways), 0.7))
    by = {way: round(float(share), 3) for way, share in zip(ways, shares, strict=True) if share > 0.02}
    remaining = 0.0 if rng.random() < 0.15 else round(float(rng.beta(1.2, 1.2)), 3)
    darkening = round(float(rng.uniform(0, 0.6)), 3)
    return ChangeSpec(herniation=number, remaining=remaining, by=by, darkening=darkening)


def _series(rng: np.random.Generator) -> tuple[ScannerSpec, ...]:
    looks: dict[str, object] = {
        "field_tesla": 3.0 if rng.random() < 0.35 else 1.5,
        "vendor": _pick(rng, VENDORS),
        "snr": round(float(rng.uniform(*SNR)), 1),
        "shading": round(float(rng.uniform(0.1, 0.8)), 2),
        "ghosting": round(float(rng.beta(1.2, 5)), 2),
        "flow_void": round(float(rng.beta(1.5, 3)), 2),
        "chemical_shift_px": round(float(rng.uniform(0, 1.8)), 2),
        "saturation": 0.0 if rng.random() < 0.4 else round(float(rng.uniform(0.2, 1.0)), 2),
        "clip": 0.0 if rng.random() < 0.7 else round(float(rng.uniform(0.05, 0.5)), 2),
    }
    if rng.random() < SPACE:
        grainy = {"snr": round(float(rng.uniform(*SNR_SPACE)), 1)}
        return (ScannerSpec.model_validate({**looks, **grainy, "sequence": "space"}),)
    thick = {"slice_mm": round(float(rng.uniform(3, 5)), 1), "gap_mm": round(float(rng.uniform(0, 1)), 1)}
    sagittal = ScannerSpec.model_validate(
        {**looks, **thick, "pixel_mm": round(float(rng.uniform(0.45, 0.9)), 2)}
    )
    if rng.random() < WITH_AXIAL:
        return sagittal, ScannerSpec.model_validate({**looks, "plane": "axial"})
    return (sagittal,)


def _pick(rng: np.random.Generator, weights: Mapping[T, float]) -> T:
    names = list(weights)
    shares = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]
