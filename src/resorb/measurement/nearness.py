"""Which classes lie so near a limit that the error of their number reaches it."""

from __future__ import annotations

from dataclasses import dataclass

from resorb.limits import Limits
from resorb.measurement.classes import height_error, with_error
from resorb.reading import Class, Classes, DiscReading, Herniation, Quantity, Reading
from resorb.study import FloatArray

#: From the disc to the intra-facet line, about: an error in mm as a share of that way.
FACET_WAY_MM = 20.0
#: Around a lumbar disc, about: an error in mm as a share of it.
AROUND_MM = 120.0
AXIAL = "axial"


@dataclass(frozen=True)
class _Edge:
    """How well an edge is known where no interval was calibrated: to half a slice across, to a pixel in the slice."""

    across_mm: float
    pixel_mm: float

    def of(self, quantity: Quantity, *, across: bool) -> float:
        """Half-width of the quantity's interval, mm; where it has none, that of its edge."""
        known = half_width(quantity)
        if known is not None:
            return known
        return self.across_mm if across and AXIAL not in quantity.source else self.pixel_mm


def half_width(quantity: Quantity) -> float | None:
    """The larger of the two reaches of a quantity's 95 % interval; None without one."""
    if quantity.value is None or quantity.low is None or quantity.high is None:
        return None
    return max(quantity.high - quantity.value, quantity.value - quantity.low)


def with_nearness(reading: Reading, spacing_mm: FloatArray, limits: Limits) -> Reading:
    """The reading with `near` set on every class whose limit the error of its number reaches.

    Args:
        reading: measured, its quantities with intervals where those were calibrated.
        spacing_mm: (3,) of the sagittal series in sagittal order: from slice to slice, down, back.
        limits: that it was classed by.
    """
    edge = _Edge(0.5 * float(spacing_mm[0]), float(spacing_mm[1:].mean()))
    return reading.model_copy(update={"discs": tuple(_disc(disc, edge, limits) for disc in reading.discs)})


def _disc(disc: DiscReading, edge: _Edge, limits: Limits) -> DiscReading:
    herniations = tuple(
        one if one.classes is None else one.model_copy(update={"classes": _classes(one.classes, one, edge)})
        for one in disc.herniations
    )
    own = next(
        (
            after.classes
            for before, after in zip(disc.herniations, herniations, strict=True)
            if before.classes == disc.classes
        ),
        None,
    )
    if own is None and disc.classes is not None:
        own = _classes(disc.classes, disc, edge)
    return disc.model_copy(
        update={
            "herniations": herniations,
            "classes": own,
            "canal_compromise": _by(disc.canal_compromise, disc.canal_occupied),
            "sac_narrowing": _by(disc.sac_narrowing, disc.sac_area_mm2),
            "degeneration": _grade(disc, limits),
        }
    )


def _classes(classes: Classes, of: Herniation | DiscReading, edge: _Edge) -> Classes:
    across, along = edge.of(of.width_mm, across=True), edge.of(of.height_mm, across=False)
    # A position is the middle between two edges.
    place, height = 0.5 * across, 0.5 * along
    return classes.model_copy(
        update={
            "morphology": _morphology(classes.morphology, of, edge),
            "msu_size": with_error(classes.msu_size, edge.of(of.depth_mm, across=False) / FACET_WAY_MM),
            "msu_zone": with_error(classes.msu_zone, place),
            "zone": with_error(classes.zone, place),
            "side": with_error(classes.side, place),
            "height_level": with_error(classes.height_level, height),
        }
    )


def _morphology(one: Class, of: Herniation | DiscReading, edge: _Edge) -> Class:
    """By the error of the number that the class hangs on: a share, an extent over its base, or a migration."""
    if one.unit == "ratio":
        known = half_width(of.circumference_share) if isinstance(of, DiscReading) else None
        return with_error(one, edge.across_mm / AROUND_MM if known is None else known)
    if AXIAL not in one.limit:
        return with_error(one, edge.of(of.cranial_migration_mm, across=False))
    return with_error(one, edge.of(of.width_mm, across=True))


def _by(one: Class | None, quantity: Quantity) -> Class | None:
    return one if one is None else with_error(one, half_width(quantity) or 0.0)


def _grade(disc: DiscReading, limits: Limits) -> Class | None:
    """A grade is near where the error of the disc's height reaches its limit, or where there is none to go by."""
    one = disc.degeneration
    if one is None or one.value is None or disc.disc_height_mm.value is None:
        return one
    return with_error(one, height_error(half_width(disc.disc_height_mm) or 0.0, limits))
