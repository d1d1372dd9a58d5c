"""What is known of one herniation over time: the only form in which measurements enter `resorb.mechanism`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from resorb.errors import UsageError
from resorb.mechanism.kinetics import DAYS_PER_MONTH, QUANTITIES, VOLUME
from resorb.mechanism.priors import load_priors


@dataclass(frozen=True)
class Observed:
    """One measured value with the standard deviation of its error, both in the quantity's unit."""

    value: float
    sd: float


@dataclass(frozen=True)
class Observations:
    """One herniation on two or more dates.

    Attributes:
        days: since its first date, which is 0; ascending.
        measured: per name of `QUANTITIES`, per date what was measured; None where it was not.
        free: on the first date it had lost all continuity with its disc.
        name: of the herniation, e.g. "L4/L5 left".
        notes: what weakens the data, in sentences.
        synthetic: of a simulated patient.

    Raises:
        UsageError: fewer than two dates with a volume, none on the first, or numbers that cannot be.
    """

    days: tuple[float, ...]
    measured: Mapping[str, tuple[Observed | None, ...]]
    free: bool = False
    name: str = ""
    notes: tuple[str, ...] = ()
    synthetic: bool = False

    def __post_init__(self) -> None:
        who = f"{self.name}: " if self.name else ""
        if strange := sorted(set(self.measured) - set(QUANTITIES)):
            raise UsageError(f"{who}unknown quantity {strange[0]!r}; known are {', '.join(QUANTITIES)}")
        if not self.days or self.days[0] != 0 or list(self.days) != sorted(set(self.days)):
            raise UsageError(f"{who}days must start from 0 and ascend")
        if any(len(values) != len(self.days) for values in self.measured.values()):
            raise UsageError(f"{who}every quantity needs one entry per date, None where it was not measured")
        for values in self.measured.values():
            for one in values:
                if one is not None and not (math.isfinite(one.value) and 0 < one.sd < math.inf):
                    raise UsageError(f"{who}values must be finite, and their errors above 0")
        volumes = self.measured.get(VOLUME, (None,))
        if volumes[0] is None or volumes[0].value <= 0 or sum(one is not None for one in volumes) < 2:
            raise UsageError(f"{who}a volume is needed on the first date, and on one more")

    @property
    def months(self) -> tuple[float, ...]:
        return tuple(day / DAYS_PER_MONTH for day in self.days)

    @property
    def first(self) -> dict[str, float]:
        """What was measured on the first date."""
        return {name: values[0].value for name, values in self.measured.items() if values[0] is not None}

    @property
    def later_dates(self) -> int:
        """How many dates after the first have a volume."""
        return sum(one is not None for one in self.measured[VOLUME][1:])


def assumed_sd(quantity: str, value: float) -> float:
    """Standard deviation of a value whose own error is not known: a share of it, and a floor."""
    error = load_priors().assumed_error[quantity]
    return math.hypot(error.share * value, error.floor)
