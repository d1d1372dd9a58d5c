"""Relaxation times and proton densities of the tissues, read from `tissue.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field

from resorb.simulation.spec import FIELDS_TESLA, Spec
from resorb.simulation.tissue import Tissue

Times = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Relaxation(Spec):
    """What a scanner sees of one tissue.

    Attributes:
        t1_ms, t2_ms: at 1.5 and 3 T; T2 as it appears in an echo train.
        density: of visible protons, relative to CSF.
        t2_spread, density_spread: between people, of the logarithm (conventions: see `variation.py`).
        shifted: its protons are fat's and precess more slowly than water's.
        verified: the figures were read in the source, not remembered.
    """

    t1_ms: Times
    t2_ms: Times
    density: Annotated[float, Field(ge=0, le=1)]
    source: str
    verified: bool
    shifted: bool = False
    t2_spread: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    density_spread: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    def t1(self, field_tesla: float) -> float:
        return self.t1_ms[FIELDS_TESLA.index(field_tesla)]

    def t2(self, field_tesla: float) -> float:
        return self.t2_ms[FIELDS_TESLA.index(field_tesla)]


@cache
def relaxation() -> dict[Tissue, Relaxation]:
    """Every tissue's relaxation."""
    table = tomllib.loads(files(__package__).joinpath("tissue.toml").read_text(encoding="utf-8"))
    return {tissue: Relaxation.model_validate(table[tissue.name]) for tissue in Tissue}
