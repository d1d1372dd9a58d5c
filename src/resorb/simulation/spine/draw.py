"""Draws the numbers of a spine from what was asked for and a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.simulation.spec import DiscSpec, SpineSpec
from resorb.simulation.spine.bending import Column
from resorb.simulation.spine.canal_course import canal_course
from resorb.simulation.spine.form import draw_form
from resorb.simulation.spine.plan import (
    DiscPlan,
    SacralSegment,
    SpinePlan,
    VertebraPlan,
)
from resorb.simulation.spine.posture import Posture, stand
from resorb.simulation.spine.statistics import Statistics, statistics
from resorb.study import FloatArray

GRADE_HEIGHT = {1: 1.0, 2: 0.97, 3: 0.88, 4: 0.72, 5: 0.5}  # of a healthy disc; from memory, unverified


SLOPE_SHARE = 0.72  # sacral slope lying down, of the lordosis; from memory, unverified


def names_of(lumbar_bodies: int) -> tuple[str, ...]:
    """The vertebrae drawn, from above downwards."""
    return ("T11", "T12", *(f"L{n + 1}" for n in range(lumbar_bodies)), "S1")


def draw_plan(asked: SpineSpec) -> SpinePlan:
    """Fill in a spine.

    Raises:
        UsageError: a level asked for is not there, or the lordosis cannot be had with such discs.
    """
    names = names_of(asked.lumbar_bodies)
    levels = tuple(Level(a, b) for a, b in pairwise(names))
    _check_levels(asked, levels)
    stats = statistics()
    spec = _filled(asked, levels, stats)
    sizes = np.random.default_rng([spec.seed, 1])
    column = Column(_bodies(names, spec, stats, sizes), tuple(_discs(levels, spec, stats, sizes)))
    if asked.lordosis_deg is None:  # what is drawn gives way to discs that were asked for
        low, high = column.reach()
        spec = spec.model_copy(update={"lordosis_deg": float(np.clip(spec.lordosis_deg or 0.0, low, high))})
    column = column.bent(float(spec.lordosis_deg or 0.0))
    bodies, discs = tuple(_with_pedicles(body) for body in column.bodies), column.discs
    posture = Posture(
        scoliosis_deg=float(spec.scoliosis_deg or 0.0),
        sacral_slope_deg=SLOPE_SHARE * float(spec.lordosis_deg or 0.0) + float(sizes.normal(0.0, 3.0)),
        slip_mm=tuple(spec.slip_mm.get(level, 0.0) for level in levels),
    )
    vertebrae = stand(bodies, discs, posture)
    sacrum = _sacrum(vertebrae[-1], spec.lumbar_bodies, stats, sizes)
    return SpinePlan(spec, vertebrae, discs, sacrum, canal_course(vertebrae, discs, sacrum))


def _check_levels(spec: SpineSpec, levels: Sequence[Level]) -> None:
    for level in (*spec.slip_mm, *spec.discs):
        if level not in levels:
            raise UsageError(
                f"{level} is not a level of a spine with {spec.lumbar_bodies} lumbar bodies; "
                f"it has {', '.join(map(str, levels))}"
            )


def _filled(spec: SpineSpec, levels: Sequence[Level], stats: Statistics) -> SpineSpec:
    """Everything that was left out, drawn; one stream per question, so that asking for one changes no other."""
    person = stats.person
    rng = np.random.default_rng([spec.seed, 0])
    size = float(np.clip(rng.normal(1.0, person["size_sd"]), 0.82, 1.18))
    lordosis = float(np.clip(rng.normal(*person["lordosis_deg"]), 25.0, 70.0))
    scoliosis = float(np.clip(rng.normal(*person["scoliosis_deg"]), -8.0, 8.0))
    curved = float(rng.uniform(10.0, 25.0) * rng.choice([-1.0, 1.0]))
    scoliosis = curved if rng.random() < spec.variety * person["scoliosis_share"] else scoliosis
    canal = float(np.clip(rng.normal(1.0, person["canal_sd"]), 0.82, 1.25))
    narrow = float(rng.uniform(0.6, 0.78))
    canal = narrow if rng.random() < spec.variety * person["narrow_share"] else canal
    fat = float(np.clip(rng.beta(4.0, 4.0), 0.1, 0.85))
    fat = float(rng.uniform(0.85, 1.0)) if rng.random() < spec.variety * person["lipomatosis_share"] else fat
    muscle = float(np.clip(rng.beta(2.0, 9.0), 0.02, 0.6))
    slips = dict(_slips(spec, levels, rng))
    discs = {level: _disc_spec(spec, level, levels) for level in levels}
    asked = spec.model_dump(include={"size", "lordosis_deg", "scoliosis_deg", "canal_share"})
    drawn = {"size": size, "lordosis_deg": lordosis, "scoliosis_deg": scoliosis, "canal_share": canal}
    chosen = {key: drawn[key] if value is None else value for key, value in asked.items()}
    return spec.model_copy(
        update={
            **chosen,
            "epidural_fat": fat if spec.epidural_fat is None else spec.epidural_fat,
            "muscle_fat": muscle if spec.muscle_fat is None else spec.muscle_fat,
            "slip_mm": slips,
            "discs": discs,
        }
    )


def _slips(spec: SpineSpec, levels: Sequence[Level], rng: Generator) -> Iterator[tuple[Level, float]]:
    """Slips that were asked for, and now and then one more at the last two levels."""
    for level in levels:
        chance, forwards, backwards = rng.random(), rng.uniform(3.0, 8.0), rng.uniform(-4.0, -2.0)
        slipped = level in levels[-2:] and chance < 0.3 * spec.variety
        drawn = (forwards if chance < 0.2 * spec.variety else backwards) if slipped else 0.0
        yield level, float(spec.slip_mm.get(level, drawn))


def _disc_spec(spec: SpineSpec, level: Level, levels: Sequence[Level]) -> DiscSpec:
    """A disc's state: the lower, the likelier degenerate; height, bulge and spurs follow the grade."""
    rng = np.random.default_rng([spec.seed, 2, level.ordinal])
    asked = spec.discs.get(level, DiscSpec())
    low = 1.0 if level in levels[-2:] else 0.6 if level in levels[-4:] else 0.3
    worn = rng.random() < 2.5 * low * spec.variety
    healthy, degenerate = rng.choice([1, 2, 2, 3]), rng.choice([3, 4, 4, 4, 5])
    grade = asked.grade or int(degenerate if worn else healthy)
    height = GRADE_HEIGHT[grade] * float(np.clip(rng.normal(1.0, 0.05), 0.85, 1.15))
    bulge = max(0.0, rng.normal(*{1: (0.0, 0.2), 2: (0.2, 0.3), 3: (0.7, 0.5)}.get(grade, (1.3, 0.7))))
    chance, schmorl = rng.random(), rng.uniform(2.5, 6.0)
    spurred, spur = rng.random(), rng.uniform(2.0, 6.0)
    drawn = {
        "grade": grade,
        "height_share": round(max(height, 0.3), 4),
        "bulge_mm": round(min(float(bulge), 3.5), 3),
        "schmorl_mm": round(schmorl, 3) if chance < 0.25 * spec.variety and level not in levels[-1:] else 0.0,
        "osteophyte_mm": round(spur, 3) if spurred < (2.0 if grade > 3 else 0.2) * spec.variety else 0.0,
    }
    return DiscSpec.model_validate(drawn | asked.model_dump(exclude_none=True))


def _bodies(
    names: Sequence[str], spec: SpineSpec, stats: Statistics, rng: Generator
) -> tuple[VertebraPlan, ...]:
    """The bodies with their sizes, not yet standing."""
    size, share = float(spec.size or 1.0), float(spec.canal_share or 1.0)
    stout, tall = 1.0 + np.array([stats.person[k] for k in ("stout_sd", "tall_sd")]) * rng.standard_normal(2)
    bodies = []
    for name in names:
        row = stats.body(name)
        level_noise = dict(zip(row, rng.standard_normal(len(row)), strict=True))
        sized = {
            key: value * size * (1.0 + stats.noise(key) * level_noise[key])
            for key, value in row.items()
            if key.endswith("_mm")
        }
        for key in ("upper_width_mm", "upper_depth_mm", "lower_width_mm", "lower_depth_mm"):
            sized[key] *= stout
        sized["height_mm"] *= tall
        sized["canal_depth_mm"] *= share
        sized["canal_width_mm"] *= 0.5 + 0.5 * share
        wedge = row["wedge_deg"] + stats.person["wedge_sd_deg"] * level_noise["wedge_deg"]
        bodies.append(
            VertebraPlan(
                name=name,
                pose=np.eye(4),
                wedge_deg=float(wedge),
                dish_mm=(float(rng.uniform(0.6, 1.7) * size), float(rng.uniform(1.0, 2.5) * size)),
                hollow_mm=float(rng.uniform(0.8, 1.6) * size),
                bean_mm=float(max(stats.bean(name) + rng.normal(0.0, 0.3), 0.0) * size),
                pedicle_cranial_mm=0.0,
                lamina_mm=float((6.5 + 4.0 * max(0.0, 1.0 - share)) * size),
                form=draw_form(spec.seed, name, size),
                **{key: float(value) for key, value in sized.items()},
            )
        )
    return tuple(bodies)


def _with_pedicles(body: VertebraPlan) -> VertebraPlan:
    """The pedicles spring from the upper part of the body, their top just under its upper rim."""
    return replace(body, pedicle_cranial_mm=body.posterior_mm / 2 - 1.5 - body.pedicle_height_mm / 2)


def _discs(levels: Sequence[Level], spec: SpineSpec, stats: Statistics, rng: Generator) -> Iterator[DiscPlan]:
    size = float(spec.size or 1.0)
    for level in levels:
        mean, wedge = stats.disc(level.upper)
        noise = rng.standard_normal(2)
        disc = spec.discs[level]
        share = float(disc.height_share or 1.0)
        middle = mean * size * (1.0 + stats.disc_noise * noise[0]) * share
        lean = (wedge + stats.disc_wedge_sd_deg * noise[1]) * share
        half = np.tan(np.radians(lean)) * stats.body(level.upper)["lower_depth_mm"] * size / 2
        aside, behind = rng.uniform([-0.2, -0.15], [0.2, 0.2]) * stats.body(level.upper)["lower_depth_mm"]
        yield DiscPlan(level, disc, float(middle + half), float(middle - half), float(aside), float(behind))


def _sacrum(
    first: VertebraPlan, lumbar_bodies: int, stats: Statistics, rng: Generator
) -> tuple[SacralSegment, ...]:
    """The five segments, each bent against the one above."""
    table = stats.sacrum
    scale = first.height_mm / stats.body("S1")["height_mm"]
    bend = np.array(table["bend_deg"]) + rng.normal(0.0, 2.5, 5)
    share = first.canal_depth_mm / table["canal_depth_mm"][0]
    first_gap = float(rng.uniform(*FIRST_GAP_MM)) + (TRANSITIONAL_GAP_MM if lumbar_bodies != 5 else 0.0)
    segments: list[SacralSegment] = []
    pose = first.pose
    for n in range(5):
        height = table["height_mm"][n] * scale if n else first.height_mm
        if n:
            above = segments[-1]
            pose = _below(
                above.pose,
                above.height_mm / 2 + (first_gap if n == 1 else SACRAL_GAP_MM),
                height / 2,
                float(bend[n]),
            )
        segments.append(
            SacralSegment(
                name=f"S{n + 1}",
                pose=pose,
                width_mm=table["width_mm"][n] * scale if n else first.upper_width_mm,
                depth_mm=table["depth_mm"][n] * scale if n else first.upper_depth_mm,
                height_mm=height,
                canal_depth_mm=max(table["canal_depth_mm"][n] * share, 2.5),
                canal_width_mm=table["canal_width_mm"][n] * scale,
            )
        )
    return tuple(segments)


SACRAL_GAP_MM = 1.5  # height left of the discs between the sacral segments
FIRST_GAP_MM, TRANSITIONAL_GAP_MM = (
    (1.5, 3.0),
    2.0,
)  # of that between S1 and S2; more where the count is unusual


def _below(pose: FloatArray, down_mm: float, next_mm: float, bend_deg: float) -> FloatArray:
    """The pose of the segment below, tilted further forward by `bend_deg`."""
    angle = np.radians(bend_deg)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    joint, half = np.eye(4), np.eye(4)
    joint[2, 3], half[2, 3] = -down_mm, -next_mm
    return np.asarray(pose @ joint @ turn @ half)
