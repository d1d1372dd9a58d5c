"""Courses of simulated herniations, state by state, from voxel geometry, for `benchmarks.mechanism`.

Each herniation is carried along each way of shrinking by `resorb.simulation.evolve`, which moves its voxels, and each
state is measured by the simulator's truth. No equation of `resorb.mechanism` is used. A row per state is appended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.common import Table
from resorb.errors import UsageError
from resorb.simulation import (
    ChangeSpec,
    HerniationSpec,
    Phantom,
    PoseSpec,
    ScannerSpec,
    SpineSpec,
    displace,
    evolve,
    fill,
    lie,
    make_spine,
    press,
    truth_of,
)
from resorb.simulation.phantom import Displaced
from resorb.simulation.scanner import fill as protocol
from resorb.simulation.scanner.signal import signals
from resorb.simulation.truth import FocalTruth, LevelTruth

PITCH_MM = (
    0.8  # coarser than the simulator's usual 0.5: surfaces still lie between voxels, and courses are many
)
PURE_STATES = (0.75, 0.5, 0.3, 0.15, 0.05)
MIXED_STATES = (0.6, 0.3, 0.1)
MIXED_WEIGHTS = (0.35, 0.65)
LEVELS = ("L3/L4", "L4/L5", "L5/S1")
TYPES = {"protrusion": 0.35, "extrusion": 0.45, "sequestration": 0.2}
DEPTH_MM = (4.5, 9.0)
ZONES = ("central", "paracentral", "subarticular")
QUANTITIES = ("volume_mm3", "contact_mm2", "depth_mm", "width_mm", "height_mm", "centre_mm", "t2_ratio")
COLUMNS = (
    "spine",
    "level",
    "type",
    "way",
    "weight",
    "remaining",
    "darkened",
    *QUANTITIES,
    "layer_mm",
)
KEY = ("spine", "level", "way", "remaining", "darkened")
FIRST, DARK = "first", "dark"  # the first date, and the same with all its water-rich nucleus gone dark


@dataclass(frozen=True)
class Way:
    """How material is lost: the simulator's weights, and the share of the first of two."""

    name: str
    by: Mapping[str, float]
    weight: float


def ways(rng: np.random.Generator, free: bool) -> Iterator[Way]:
    """Every way that is open to a herniation; a free fragment has no neck to go back along."""
    open_ = ("erosion", "shrinkage") if free else ("retraction", "shrinkage", "erosion")
    for name in open_:
        yield Way(name, {name: 1.0}, 1.0)
    for n, one in enumerate(open_):
        for other in open_[n + 1 :]:
            weight = round(float(rng.uniform(*MIXED_WEIGHTS)), 3)
            yield Way(f"{one}+{other}", {one: weight, other: 1 - weight}, weight)


def add_courses(table: Table, seed: int, say: Callable[[str], None]) -> None:
    """The courses of one spine's herniations, appended to a table; what is there is not made again."""
    rng = np.random.default_rng([seed, 0xC0])
    spine: Phantom | None = None
    for number, level in enumerate(LEVELS):
        spec = _herniation(rng, level)
        chosen = tuple(ways(rng, spec.type == "sequestration"))
        if table.holds(spine=seed, level=level, way="end", remaining="", darkened=""):
            continue
        spine = spine or make_spine(SpineSpec(seed=seed, variety=0.0), pitch_mm=PITCH_MM)
        try:
            displaced = displace(spine, fill(spec, spine, seed + number), seed + number)
        except UsageError:
            say(f"spine {seed} {level}: no room")
        else:
            _follow(table, spine, displaced, chosen, {"spine": seed, "level": level, "type": spec.type})
            say(f"spine {seed} {level}: {spec.type}")
        table.append({"spine": seed, "level": level, "type": spec.type, "way": "end"})


def course_table(folder: Path) -> Table:
    """The table of all states in a folder."""
    return Table(folder / "mechanism_courses.csv", COLUMNS, KEY)


def _herniation(rng: np.random.Generator, level: str) -> HerniationSpec:
    kind = str(rng.choice(list(TYPES), p=list(TYPES.values())))
    zone = str(rng.choice(ZONES))
    return HerniationSpec.model_validate(
        {
            "level": level,
            "type": kind,
            "zone": zone,
            "side": None if zone == "central" else str(rng.choice(("left", "right"))),
            "depth_mm": round(float(rng.uniform(*DEPTH_MM)), 2),
            "brightness": round(float(rng.uniform(0.2, 0.95)), 2),
        }
    )


def _follow(
    table: Table, spine: Phantom, first: Displaced, chosen: tuple[Way, ...], case: Mapping[str, object]
) -> None:
    nothing = {"way": FIRST, "weight": 1.0, "remaining": 1.0, "layer_mm": 0.0}
    table.append({**case, **nothing, "darkened": 0, **measured(spine, first)})
    dark = evolve(spine, first, ChangeSpec(remaining=1.0, darkening=1.0))
    table.append({**case, **nothing, "way": DARK, "darkened": 1, **measured(spine, dark)})
    for way in chosen:
        for remaining in PURE_STATES if len(way.by) == 1 else MIXED_STATES:
            row = {**case, "way": way.name, "weight": way.weight, "remaining": remaining, "darkened": 0}
            try:
                change = ChangeSpec.model_validate({"remaining": remaining, "by": way.by})
                later = evolve(spine, first, change)
            except UsageError:
                break
            layer = _layer_mm(first, later) if way.name == "erosion" and later is not None else ""
            table.append({**row, **measured(spine, later), "layer_mm": layer})


def _layer_mm(before: Displaced, after: Displaced) -> float:
    """Erosion moves every point outside the surface away from it by the layer that was taken off."""
    outside = before.distance >= 0
    return round(float(np.median((after.distance - before.distance)[outside])), 4)


def measured(spine: Phantom, displaced: Displaced | None) -> dict[str, float | str]:
    """The truth of one state of a herniation, in the posture at rest."""
    if displaced is None:
        return {"volume_mm3": 0.0}
    phantom = press(spine, (displaced,))
    alone = replace(phantom, discs={displaced.level: phantom.discs[displaced.level]})
    rest = PoseSpec(
        flexion_deg={level: 0.0 for level in alone.levels}, turn_deg=(0, 0, 0), shift_mm=(0, 0, 0)
    )
    signal = signals(protocol(ScannerSpec(), phantom)).at
    level = truth_of(alone, lie(alone, rest, 0), signal=signal).at(str(displaced.level))
    return _numbers(level, level.focal[0]) if level.focal else {"volume_mm3": 0.0}


def _numbers(level: LevelTruth, focal: FocalTruth) -> dict[str, float | str]:
    sizes = focal.sizes
    found: dict[str, float | str] = {}
    for name in QUANTITIES:
        if name == "centre_mm":
            found[name] = "" if sizes.centre is None else _behind(level, sizes.centre)
        else:
            value = getattr(sizes, name).value
            found[name] = "" if value is None else round(float(value), 4)
    return found


def _behind(level: LevelTruth, point: tuple[float, float, float]) -> float:
    """How far a point lies behind the level's origin, mm."""
    return round(float(np.dot(np.subtract(point, level.origin), level.axes[1])), 4)
