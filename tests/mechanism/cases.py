"""Herniations over time for tests: sizes of voxel geometry that no equation of `resorb.mechanism` made."""

from __future__ import annotations

from functools import cache

from resorb.change import Between, Change, Dated, History, LevelChange, Track, Verdict
from resorb.mechanism import Fit, Observations, Observed, assumed_sd, fit
from resorb.reading import Quantity

DAYS = (0.0, 120.0, 240.0, 365.0)
#: A simulated protrusion (resorb.simulation, spine 101, L3/L4) carried by `evolve` to 70, 42 and 20 % of its volume.
FIRST = (332.9, 70.7, 7.38, 11.64, 7.76, 0.301)
STATES = {
    "retraction": (
        (232.9, 67.3, 5.95, 11.22, 7.53, 0.308),
        (139.8, 57.6, 4.48, 10.42, 6.91, 0.297),
        (66.6, 42.3, 3.04, 8.79, 6.00, 0.297),
    ),
    "shrinkage": (
        (233.2, 55.6, 6.53, 10.34, 6.90, 0.300),
        (139.8, 39.2, 5.50, 8.67, 5.81, 0.296),
        (66.9, 23.6, 4.29, 6.73, 4.52, 0.298),
    ),
    "erosion": (
        (233.0, 56.7, 7.00, 10.60, 7.00, 0.321),
        (140.0, 38.6, 6.06, 9.25, 5.32, 0.321),
        (66.8, 21.9, 5.11, 7.59, 3.70, 0.311),
    ),
}
NAMES = ("volume_mm3", "contact_mm2", "depth_mm", "width_mm", "height_mm", "t2_ratio")
#: What water loss does to the signal besides: the T2 ratio on the later dates, as a share of the first.
DARKER = (0.70, 0.55, 0.45)


def observed(way: str, dates: int = 4, names: tuple[str, ...] = NAMES) -> Observations:
    """One way of shrinking, measured without error but with the usual error bars."""
    rows = [FIRST, *STATES[way]][:dates]
    table = dict(zip(NAMES, zip(*rows, strict=True), strict=True))
    if way == "shrinkage":
        table["t2_ratio"] = tuple(FIRST[5] * share for share in (1.0, *DARKER))[:dates]
    return Observations(DAYS[:dates], {name: _errors(name, table[name]) for name in names}, name="L3/L4 left")


def steady(*shares: float) -> Observations:
    """The same herniation with only its volume changing, by shares of the first."""
    days = tuple(120.0 * n for n in range(len(shares)))
    values = {name: tuple(value for _ in shares) for name, value in zip(NAMES, FIRST, strict=True)}
    values["volume_mm3"] = tuple(FIRST[0] * share for share in shares)
    return Observations(days, {name: _errors(name, values[name]) for name in values})


def _errors(name: str, values: tuple[float, ...]) -> tuple[Observed | None, ...]:
    return tuple(Observed(value, assumed_sd(name, value)) for value in values)


@cache
def fitted(way: str, dates: int = 4) -> Fit:
    """Its fit, made once."""
    return fit(observed(way, dates))


def change(
    *,
    dates: int = 3,
    free: bool = False,
    history: History = "none",
    intervals: bool = True,
    unknown: bool = False,
) -> Change:
    """A Change of one herniation at L4/L5 that loses a third from date to date."""
    verdict = Verdict(first=1, last=dates, value="regressed", words="It is smaller.")
    volumes = [900.0 * 0.67**n for n in range(dates)]
    quantities = {
        "volume_mm3": tuple(_quantity(v, 0.1 * v if intervals else None) for v in volumes),
        "depth_mm": tuple(_quantity(8.0 * 0.85**n, None) for n in range(dates)),
        "contact_mm2": tuple(_quantity(0.0 if free else 60.0 * 0.8**n, None) for n in range(dates)),
        "t2_ratio": tuple(
            _quantity(0.4, None) if n else Quantity(value=None, reason="clipped") for n in range(dates)
        ),
        "sac_area_mm2": tuple(_quantity(100.0, None) for _ in range(dates)),
    }
    track = Track(
        identifier="L4/L5-left-1",
        level="L4/L5",
        side="left",
        herniations=tuple((1,) for _ in range(dates)),
        quantities=quantities,
        verdict=verdict,
    )
    at_level = {
        "volume_mm3": tuple(_quantity(v + 100.0, None) for v in volumes),
        "disc_volume_mm3": tuple(_quantity(12000.0 + v, None) for v in volumes),
    }
    level = LevelChange(level="L4/L5", registered_by="vertebrae", quantities=at_level, verdict=verdict)
    dated = tuple(
        Dated(
            number=n + 1,
            days=None if unknown and n else 100.0 * n,
            study_sha256=f"{n:064d}",
            series="series 3",
            spacing_mm=(4.0, 0.6, 0.6),
        )
        for n in range(dates)
    )
    between = tuple(Between(first=n, last=n + 1, history=history) for n in range(1, dates))
    return Change(resorb_version="0", dates=dated, between=between, levels=(level,), tracks=(track,))


def _quantity(value: float, half: float | None) -> Quantity:
    if half is None:
        return Quantity(value=value)
    return Quantity(value=value, low=value - half, high=value + half)
