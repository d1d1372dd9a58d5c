"""Stored comparisons as `resorb compare` writes them, with the numbers that a test wants."""

from __future__ import annotations

from datetime import date

from resorb import __version__
from resorb.change import Between, Change, Dated, Difference, History, LevelChange, Outcome, Track, Verdict
from resorb.reading import Quantity

FIRST, LAST = date(2024, 1, 15), date(2024, 7, 18)
IDENTIFIER = "L4L5-left-1"


def change(
    verdict: Outcome = "regressed",
    *,
    volumes: tuple[float, float] = (812.0, 204.0),
    history: History = "none",
    side: str = "left",
    level: str = "L4/L5",
    days: tuple[date, date] = (FIRST, LAST),
    tracked: bool = True,
    alerts: tuple[str, ...] = (),
) -> Change:
    """Two dates of one herniation; the interval of a volume is 90 mm3 to either side, of the difference 100."""
    first, last = volumes
    less = Quantity(value=last - first, low=last - first - 100, high=last - first + 100)
    quantities = {"volume_mm3": tuple(Quantity(value=v, low=max(v - 90, 0), high=v + 90) for v in volumes)}
    differences = (Difference(quantity="volume_mm3", first=1, last=2, absolute=less, beyond_error=True),)
    said = Verdict(first=1, last=2, value=verdict, words=f"The comparison's own words: {verdict}.")
    track = Track(
        identifier=IDENTIFIER,
        level=level,
        side=side,
        herniations=((1,), (1,) if last else ()),
        quantities=quantities,
        differences=differences,
        verdict=said,
    )
    whole = LevelChange(
        level=level, registered_by="vertebrae", quantities=quantities, differences=differences, verdict=said
    )
    return Change(
        resorb_version=__version__,
        alerts=alerts,
        dates=tuple(
            Dated(number=n, date=day, study_sha256=f"{n}", series="series 1", spacing_mm=(4.0, 0.5, 0.5))
            for n, day in enumerate(days, start=1)
        ),
        between=(Between(first=1, last=2, history=history),),
        levels=(whole,),
        tracks=(track,) if tracked else (),
    )
