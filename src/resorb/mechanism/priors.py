"""What is believed before any measurement: `priors.toml`, each entry with its unit and its source."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import combinations
from typing import Any

import numpy as np
from scipy import special

from resorb.mechanism.kinetics import QUANTITIES, Mechanism
from resorb.study import FloatArray

_SOURCED = ("models", "discrepancy", "error", "assumed_error")
ANY = "any"  # parameters that every model has


@dataclass(frozen=True)
class Prior:
    """The prior of one parameter.

    Attributes:
        mechanism: which one it belongs to, or `any`.
        numbers: of its distribution, by the names in `priors.toml`.
        meaning: in words; source: where it comes from, or "declared assumption".
    """

    name: str
    mechanism: str
    unit: str
    distribution: str
    numbers: Mapping[str, float]
    meaning: str
    source: str

    def of_scores(self, scores: FloatArray) -> FloatArray:
        """(n,) values of the parameter from standard normal scores (n,)."""
        if self.distribution == "lognormal":
            return np.asarray(self.numbers["median"] * np.exp(self.numbers["spread"] * scores))
        if self.distribution == "normal":
            return np.asarray(self.numbers["mean"] + self.numbers["spread"] * scores)
        numbers, share = self.numbers, special.ndtr(scores)
        if self.distribution == "uniform":
            return np.asarray(numbers["low"] + (numbers["high"] - numbers["low"]) * share)
        if self.distribution == "exponential":
            return np.asarray(-numbers["mean"] * special.log_ndtr(-scores))
        return np.asarray(special.betaincinv(numbers["a"], numbers["b"], share))

    def interval(self, share: float = 0.95) -> tuple[float, float]:
        """The central interval."""
        end = float(special.ndtri(0.5 + share / 2))
        low, high = self.of_scores(np.array([-end, end]))
        return float(low), float(high)


@dataclass(frozen=True)
class AssumedError:
    """Standard deviation of a value without one of its own: a share of it and a floor, in quadrature."""

    share: float
    floor: float


@dataclass(frozen=True)
class Model:
    """Some of the mechanisms acting together; none of them: nothing changes."""

    mechanisms: tuple[Mechanism, ...]

    @property
    def name(self) -> str:
        return " + ".join(self.mechanisms) or "unchanged"


@dataclass(frozen=True)
class Priors:
    """All of `priors.toml`.

    Attributes:
        parameters: by name, in the file's order.
        shares: of `[models]`: "unchanged", and of the rest "one", "two" and "three" mechanisms.
        discrepancy: per quantity, as a share of the first date's value.
        error_correlation: between quantities of one outline, `of_one_outline`.
        assumed_error: per quantity.
        sources: of the tables, by their names.
    """

    parameters: Mapping[str, Prior]
    shares: Mapping[str, float]
    discrepancy: Mapping[str, float]
    error_correlation: float
    of_one_outline: tuple[str, ...]
    assumed_error: Mapping[str, AssumedError]
    sources: Mapping[str, str]

    def of(self, model: Model) -> tuple[Prior, ...]:
        """The parameters that a model has."""
        wanted = {ANY, *model.mechanisms}
        return tuple(prior for prior in self.parameters.values() if prior.mechanism in wanted)

    def models(self, *, free: bool = False) -> dict[Model, float]:
        """Every model with its prior probability.

        Args:
            free: a free fragment, which cannot retract.
        """
        able = [m for m in Mechanism if not (free and m is Mechanism.RETRACTION)]
        sets = [some for count in (1, 2, 3) for some in combinations(able, count)]
        weights = {some: self._share_of(len(some)) for some in sets}
        total = sum(weights.values())
        unchanged = self.shares["unchanged"]
        shrinking = {Model(some): (1 - unchanged) * weight / total for some, weight in weights.items()}
        return {Model(()): unchanged, **shrinking}

    def _share_of(self, count: int) -> float:
        return {1: self.shares["one"] / 3, 2: self.shares["two"] / 3, 3: self.shares["three"]}[count]


@cache
def load_priors() -> Priors:
    """The built-in priors."""
    return _read(tomllib.loads(resources.files(__package__).joinpath("priors.toml").read_text("utf-8")))


def _read(tables: Mapping[str, Any]) -> Priors:
    words = {"mechanism", "unit", "distribution", "meaning", "source"}
    parameters = {
        name: Prior(
            name=name,
            numbers={key: float(value) for key, value in table.items() if key not in words},
            **{key: table[key] for key in words},
        )
        for name, table in tables["parameters"].items()
    }
    discrepancy, error = tables["discrepancy"], tables["error"]
    return Priors(
        parameters=parameters,
        shares={key: float(tables["models"][key]) for key in ("unchanged", "one", "two", "three")},
        discrepancy={name: float(discrepancy[name]) for name in QUANTITIES},
        error_correlation=float(error["correlation"]),
        of_one_outline=tuple(error["of"]),
        assumed_error={name: AssumedError(**tables["assumed_error"][name]) for name in QUANTITIES},
        sources={name: tables[name]["source"] for name in _SOURCED},
    )


def draw(priors: Iterable[Prior], scores: FloatArray) -> dict[str, FloatArray]:
    """Values (n,) per parameter from standard normal scores (n, p)."""
    return {prior.name: prior.of_scores(scores[:, n]) for n, prior in enumerate(priors)}
