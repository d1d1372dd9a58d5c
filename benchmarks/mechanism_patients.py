"""Simulated patients for `benchmarks.mechanism`: voxel geometry moved along time laws that `resorb.mechanism` has not.

Retraction creeps by a power of time, water leaves by diffusion out of a sphere, erosion slows down as inflammation dies
away; the models have an exponential, first-order loss and a constant speed. Sizes come from measured states of voxel
geometry (`mechanism_courses`), interpolated in between.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator

from benchmarks.mechanism_courses import DARK, FIRST
from resorb.mechanism import Mechanism, Observations, Observed
from resorb.mechanism.kinetics import DAYS_PER_MONTH, QUANTITIES
from resorb.study import FloatArray

SIZES = ("volume_mm3", "contact_mm2", "depth_mm", "width_mm", "height_mm", "centre_mm")
#: Standard deviation of measuring: a share of the value, and a floor in the quantity's unit.
NOISE = {
    "volume_mm3": (0.11, 30.0),
    "t2_ratio": (0.12, 0.01),
    "contact_mm2": (0.18, 6.0),
    "depth_mm": (0.0, 0.6),
    "width_mm": (0.0, 2.0),  # half a sagittal slice of 4 mm
    "height_mm": (0.0, 1.0),
    "centre_mm": (0.0, 0.6),
}
TOGETHER = 0.4  # correlation of the errors of one outline
LEAST_MM3 = 10.0  # nothing but a volume is measured of less
WAY_OF = {
    "retraction": Mechanism.RETRACTION,
    "shrinkage": Mechanism.DEHYDRATION,
    "erosion": Mechanism.DEGRADATION,
}
YEAR, FORECAST = 12.0, 18.0
TERMS = np.arange(1, 60)


@dataclass(frozen=True, eq=False)
class Course:
    """One herniation along one way of shrinking.

    Attributes:
        first: its sizes on the first date, and `t2_ratio`, `dark_ratio` (with all water-rich nucleus gone dark).
        remaining: (s,) share of the volume, ascending from 0 to 1; states: (s,) per size and `t2_ratio`, `layer_mm`.
    """

    key: str
    way: str
    kind: str
    first: Mapping[str, float]
    remaining: FloatArray
    states: Mapping[str, FloatArray]

    def at(self, name: str, remaining: FloatArray) -> FloatArray:
        """A size where a share of the volume remains."""
        return np.asarray(PchipInterpolator(self.remaining, self.states[name])(np.clip(remaining, 0, 1)))

    def remaining_at(self, name: str, value: FloatArray) -> FloatArray:
        """The share of the volume that remains where a size has a value; sizes fall with the volume."""
        return np.asarray(np.interp(value, self.states[name], self.remaining))


def read_courses(path: Path) -> list[Course]:
    """Every course of a table of states."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["spine"], row["level"]), []).append(row)
    found = []
    for (spine, level), own in groups.items():
        if not any(row["way"] == "end" for row in own) or not any(row["way"] == FIRST for row in own):
            continue
        first = next(row for row in own if row["way"] == FIRST)
        dark = next(row for row in own if row["way"] == DARK)
        for way in dict.fromkeys(row["way"] for row in own if row["way"] not in {FIRST, DARK, "end"}):
            states = [row for row in own if row["way"] == way]
            if len(states) > 2:
                found.append(_course(f"{spine} {level}", way, first, dark, states))
    return found


def _course(
    key: str, way: str, first: dict[str, str], dark: dict[str, str], states: list[dict[str, str]]
) -> Course:
    begin = {name: _number(first[name]) for name in (*SIZES, "t2_ratio")}
    # What is left of nothing: no size, and the last known signal.
    ordered = sorted(states, key=lambda row: float(row["volume_mm3"]))
    remaining = [0.0, *(float(row["volume_mm3"]) / begin["volume_mm3"] for row in ordered), 1.0]
    table = {name: np.array([0.0, *(_number(row[name]) for row in ordered), begin[name]]) for name in SIZES}
    table["t2_ratio"] = np.array(
        [_number(ordered[0]["t2_ratio"]), *(_number(row["t2_ratio"]) for row in ordered), begin["t2_ratio"]]
    )
    if way == "erosion":
        layers = [-_number(row["layer_mm"]) for row in ordered]
        table["layer_mm"] = np.array([1.15 * layers[0], *layers, 0.0])  # negative: ascends with the volume
    return Course(
        key,
        way,
        first["type"],
        {**begin, "dark_ratio": _number(dark["t2_ratio"])},
        np.array(remaining),
        table,
    )


def _number(text: str) -> float:
    return float(text) if text else 0.0


@dataclass(frozen=True, eq=False)
class Patient:
    """One simulated patient.

    Attributes:
        truth: the mechanisms that act; course: what is unusual of it, empty for nothing.
        true_months: (t,) of the dates, and of the forecast last; true: (t,) per quantity.
        amounts: how far each mechanism went in the first year: layer or way in mm, share of volume lost as water.
    """

    truth: tuple[Mechanism, ...]
    course: str
    kind: str
    key: str
    true_months: FloatArray
    true: Mapping[str, FloatArray]
    observed: Observations
    measured_ahead: Mapping[str, float]
    amounts: Mapping[str, float] = field(default_factory=dict)


#: Courses that no model is made for; the last three are of eroding material.
UNUSUAL = ("growth", "collapse", "dark erosion", "stops")


def draw_patient(courses: list[Course], dates: int, seed: int, unusual: str = "") -> Patient:
    """One patient of a seed, with dates spread over a year; about a sixth of each pure way and half mixtures."""
    rng = np.random.default_rng([seed, dates, 0xA7])
    names = ("retraction", "shrinkage", "erosion", "mixed")
    wanted = "erosion" if unusual else names[seed % 4]
    able = [one for one in courses if ("+" in one.way if wanted == "mixed" else one.way == wanted)]
    course = able[int(rng.integers(len(able)))]
    apart = YEAR / (dates - 1)
    months = np.arange(dates) * apart + np.r_[0.0, rng.uniform(-0.15, 0.15, dates - 1) * apart]
    every = np.r_[months, FORECAST]
    remaining, darkening, amounts = _time_law(course, every, unusual, rng)
    true = _sizes(course, remaining, darkening)
    observed, ahead = _measure(true, every, course, rng)
    truth = tuple(m for m in Mechanism if any(WAY_OF[part] is m for part in course.way.split("+")))
    return Patient(truth, unusual, course.kind, course.key, every, true, observed, ahead, amounts)


def _time_law(
    course: Course, months: FloatArray, unusual: str, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, dict[str, float]]:
    """Share of the volume that remains, darkening, and how far each mechanism went in a year."""
    none = np.zeros(len(months))
    if unusual == "growth":
        return 1.0 + rng.uniform(0.2, 0.6) * months / YEAR, none, {}
    if unusual == "collapse":
        after = rng.uniform(0.35, 0.75) * YEAR
        return np.where(months > after, rng.uniform(0.1, 0.4), 1.0), none, {}
    if course.way == "retraction":
        end, power = rng.uniform(0.25, 0.8), rng.uniform(0.4, 0.8)
        nearer = np.minimum(end * (months / YEAR) ** power, 0.98)
        depth = course.first["depth_mm"]
        return course.remaining_at("depth_mm", depth * (1 - nearer)), none, {"way_mm": end * depth}
    if course.way == "shrinkage":
        water, tau, dark = rng.uniform(0.45, 0.9), rng.uniform(0.1, 0.4), rng.uniform(0.4, 1.0)
        lost = diffused(tau * months / YEAR)
        darkening = dark * diffused(1.7 * tau * months / YEAR)
        return 1 - water * lost, darkening, {"water_lost": water * float(diffused(np.array([tau]))[0])}
    if course.way == "erosion":
        return _erosion(course, months, unusual, rng)
    share, weight = rng.uniform(0.12, 0.55), rng.uniform(4.0, 15.0)
    pace = -np.expm1(-months / weight) / -np.expm1(-YEAR / weight)
    darkest = rng.uniform(0.4, 1.0)
    darkening = np.minimum(darkest * pace**0.7, 1.0) if "shrinkage" in course.way else none
    return share**pace, darkening, {}


def _erosion(
    course: Course, months: FloatArray, unusual: str, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, dict[str, float]]:
    whole = -float(course.states["layer_mm"][1])
    lag, fading, end = rng.uniform(0.0, 2.0), rng.uniform(10.0, 40.0), rng.uniform(0.35, 0.9)
    going = np.maximum(months - lag, 0.0)
    if unusual == "stops":
        going = np.minimum(going, 3.0)
    pace = -np.expm1(-going / fading) / -np.expm1(-(YEAR - lag) / fading)
    layer = end * whole * pace
    darkening = 0.8 * np.minimum(months / YEAR, 1.0) if unusual == "dark erosion" else np.zeros(len(months))
    return course.remaining_at("layer_mm", -layer), darkening, {"layer_mm": end * whole}


def diffused(tau: FloatArray) -> FloatArray:
    """What has left a sphere by diffusion, as a share of all that will (Crank, The Mathematics of Diffusion, 1975)."""
    terms = np.exp(-np.outer(tau, (np.pi * TERMS) ** 2)) / TERMS**2
    return np.where(tau > 0, 1 - 6 / np.pi**2 * terms.sum(axis=1), 0.0)


def _sizes(course: Course, remaining: FloatArray, darkening: FloatArray) -> dict[str, FloatArray]:
    true = {name: course.at(name, remaining) for name in SIZES}
    grown = np.maximum(remaining, 1.0)
    true["volume_mm3"] = course.first["volume_mm3"] * remaining
    for name in SIZES[1:]:
        true[name] = true[name] * np.cbrt(grown) ** (2 if name == "contact_mm2" else 1)
    darker = course.first["dark_ratio"] / max(course.first["t2_ratio"], 1e-6)
    true["t2_ratio"] = course.at("t2_ratio", remaining) * (1 - darkening * (1 - darker))
    return true


def _measure(
    true: Mapping[str, FloatArray], months: FloatArray, course: Course, rng: np.random.Generator
) -> tuple[Observations, dict[str, float]]:
    """The dates as they are measured, and what a scan at the forecast's date would measure."""
    shared = rng.standard_normal(len(months))
    free = course.first["contact_mm2"] <= 0
    values: dict[str, FloatArray] = {}
    sds: dict[str, FloatArray] = {}
    for name in QUANTITIES:
        if name not in true or (name == "contact_mm2" and free):
            continue
        share, floor = NOISE[name]
        own = rng.standard_normal(len(months))
        score = own if name == "t2_ratio" else np.sqrt(TOGETHER) * shared + np.sqrt(1 - TOGETHER) * own
        values[name] = np.maximum(true[name] + np.hypot(share * true[name], floor) * score, 0.0)
        sds[name] = np.hypot(share * values[name], floor)
    there = true["volume_mm3"] > LEAST_MM3
    measured = {
        name: tuple(
            Observed(round(float(value), 4), round(float(sd), 4)) if name == "volume_mm3" or seen else None
            for value, sd, seen in zip(values[name][:-1], sds[name][:-1], there[:-1], strict=True)
        )
        for name in values
    }
    days = tuple(round(float(month) * DAYS_PER_MONTH, 1) for month in months[:-1])
    observed = Observations(days, measured, free, course.key, synthetic=True)
    return observed, {name: float(column[-1]) for name, column in values.items()}
