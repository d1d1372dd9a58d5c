"""Published and measured sizes of the lumbar spine, read from statistics.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Statistics:
    """Mean sizes of a person of size 1, and how far people differ from them; see statistics.toml."""

    table: dict[str, Any]

    @property
    def person(self) -> dict[str, Any]:
        return dict(self.table["person"])

    @property
    def sacrum(self) -> dict[str, list[float]]:
        return dict(self.table["sacrum"])

    @property
    def disc_noise(self) -> float:
        """Standard deviation of a healthy disc's height at one level, as a share of it."""
        return float(self.table["disc"]["height_sd_share"])

    @property
    def disc_wedge_sd_deg(self) -> float:
        return float(self.table["disc"]["wedge_sd_deg"])

    def body(self, name: str) -> dict[str, float]:
        """Mean sizes of one vertebra; those of the body with `*_mm` and `wedge_deg` of `VertebraPlan`."""
        table = self.table["body"]
        n = table["names"].index(name)
        return {key: float(value[n]) for key, value in table.items() if _is_size(key)}

    def noise(self, key: str) -> float:
        """Standard deviation of one size at one level, as a share of it."""
        noise = self.table["body"]["sd_share"]
        return float(noise.get(key, noise["other"]))

    def bean(self, name: str) -> float:
        """How far the posterior margin of a body is hollowed forwards, mm."""
        table = self.table["body"]
        return float(table["bean"][table["names"].index(name)])

    def disc(self, upper: str) -> tuple[float, float]:
        """(height in the middle between the rims, mm; wedge, degrees) of a healthy disc below a vertebra."""
        table = self.table["disc"]
        n = table["names"].index(upper)
        return float(table["height_mm"][n]), float(table["wedge_deg"][n])


def _is_size(key: str) -> bool:
    return key.endswith(("_mm", "_deg"))


@cache
def statistics() -> Statistics:
    """The table that comes with the package."""
    text = resources.files(__package__).joinpath("statistics.toml").read_text(encoding="utf-8")
    return Statistics(tomllib.loads(text))
