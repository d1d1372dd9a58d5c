"""Simulated herniations where outlines fail most: `python -m training.fragments --out DIR --count N`. Resumes.

The embedded model 2.0.0 took what lay behind S1 for sacrum or background, and what lay in foramina for nothing
(docs/model.md). Usual patients have little of either: 7 of 90 stacks of `simulated` hold any behind the sacrum.
These have some in most stacks (128 of 168; both counted once), of all sizes, in spines of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.random import Generator

from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.simulation import fill, random_case
from resorb.simulation.phantom import Phantom
from resorb.simulation.spec import HerniationSpec
from training.prepared import Prepared
from training.simulated import command, new_spine, scanned

SEED = 11  # of the spines; one beside it is of what is put into them
COLLECTION = "fragments"
TURNS = 3
BEHIND_SACRUM = 0.75  # share of turns with material that has left the lowest disc downwards
OTHERS = 2  # further levels
TRIES = 8  # of finding one that fits
DEPTH_MM, HEIGHT_MM = (4.0, 11.0), (8.0, 30.0)
WIDE = (1.2, 2.6)  # width against depth
DOWN = (0.3, 0.8)  # migration against height
IN_CANAL = {"central": 0.25, "paracentral": 0.5, "subarticular": 0.25}
ASIDE = {"foraminal": 0.6, "extraforaminal": 0.25, "subarticular": 0.15}
FREE = {"extrusion": 0.6, "sequestration": 0.4}
HELD = {"protrusion": 0.6, "extrusion": 0.4}


def stacks(number: int) -> Iterator[Prepared]:
    """Every stack of the numberth patient; the same number gives the same stacks."""
    spine = new_spine(SEED, number)
    for turn in range(TURNS):
        case = random_case(SEED + 1, number * TURNS + turn)
        wanted = _wanted(spine, case.seed, np.random.default_rng([SEED, number, turn]))
        yield from scanned(spine, wanted, case, COLLECTION, axial=False)


def _wanted(spine: Phantom, seed: int, random: Generator) -> list[HerniationSpec]:
    lumbar = sorted(spine.levels)
    lowest, others = lumbar[-1], lumbar[-5:-1]
    wanted = _that_fits(spine, lowest, seed, random) if random.random() < BEHIND_SACRUM else []
    picked = random.choice(len(others), OTHERS, replace=False)
    return wanted + [_aside(others[n], random) for n in picked]


def _that_fits(spine: Phantom, level: Level, seed: int, random: Generator) -> list[HerniationSpec]:
    """One behind the sacrum that the spine has room for, if one is found."""
    for _ in range(TRIES):
        try:
            return [fill(_behind_sacrum(level, random), spine, seed)]
        except UsageError:
            continue
    return []


def _behind_sacrum(level: Level, random: Generator) -> HerniationSpec:
    zone = _pick(IN_CANAL, random)
    depth, height = float(random.uniform(*DEPTH_MM)), float(random.uniform(*HEIGHT_MM))
    return HerniationSpec.model_validate(
        {
            "level": level,
            "type": _pick(FREE, random),
            "zone": zone,
            "side": _side(zone, random),
            "depth_mm": depth,
            "width_mm": depth * float(random.uniform(*WIDE)),
            "height_mm": height,
            "migration_mm": -height * float(random.uniform(*DOWN)),
            "brightness": float(random.beta(1.0, 2.5)),
        }
    )


def _aside(level: Level, random: Generator) -> HerniationSpec:
    zone = _pick(ASIDE, random)
    return HerniationSpec.model_validate(
        {"level": level, "type": _pick(HELD, random), "zone": zone, "side": _side(zone, random)}
    )


def _side(zone: str, random: Generator) -> str | None:
    return None if zone == "central" else str(random.choice(["left", "right"]))


def _pick(weights: Mapping[str, float], random: Generator) -> str:
    return str(random.choice(list(weights), p=list(weights.values())))


if __name__ == "__main__":
    command(__doc__, stacks, 56)
