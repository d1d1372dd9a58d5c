"""The fit behind `repeat.toml` against errors drawn from a known spread, and what is counted of a pair."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from benchmarks.change import FIGURES, _matched
from benchmarks.repeat import COLUMNS, estimate, fit, tabulate
from resorb.comparison.error import Repeatability, parse_table

THIN, THICK = 0.9, 4.4


def drawn(count: int, freedom: float, seed: int = 2) -> tuple[np.ndarray, ...]:
    """Values and errors of pairs: base 20 and 50, share 4 and 10 %, by distance of slices."""
    rng = np.random.default_rng(seed)
    slices = rng.choice([THIN, THICK], (count, 2))
    values = rng.uniform(0, 1500, (count, 2))
    base, share = np.where(slices == THIN, 20.0, 50.0), np.where(slices == THIN, 0.04, 0.10)
    sd = np.sqrt((base**2 + (share * values) ** 2).sum(axis=1))
    return values[:, 0], values[:, 1], slices, sd * rng.standard_t(freedom, count)


def test_a_known_spread_is_found_again() -> None:
    spreads, _ = fit(*drawn(4000, 30.0))
    (thin, *first), (thick, *second) = spreads
    assert (thin, thick) == (THIN, THICK)
    assert first == pytest.approx([20.0, 0.04], rel=0.2)
    assert second == pytest.approx([50.0, 0.10], rel=0.2)


def test_long_tails_are_found_again() -> None:
    _, freedom = fit(*drawn(4000, 4.0))
    assert freedom in (3.0, 4.0, 6.0)


@pytest.mark.parametrize("count", [40, 300])
@pytest.mark.parametrize("besides", [0.0, 120.0])
def test_intervals_hold_19_of_20_errors_that_were_not_tabulated(count: int, besides: float) -> None:
    """Of 3,000 others, between like slices and unlike ones, whatever they err besides; few errors must not mislead."""
    others = _with_besides(drawn(3000, 6.0, seed=9), besides)
    held = []
    for seed in range(6):
        known = tabulated(*_with_besides(drawn(count, 6.0, seed), besides))
        first, last, slices, errors = others
        sds = [
            np.sqrt(known.variance(a, s[0]) + known.variance(b, s[1]) + known.apart_sd(*s) ** 2)
            for a, b, s in zip(first, last, slices, strict=True)
        ]
        within = np.abs(errors) <= known.factor * np.array(sds)
        alike = slices[:, 0] == slices[:, 1]
        held.append([within[alike].mean(), within[~alike].mean()])
    assert np.mean(held, axis=0) == pytest.approx([0.97, 0.97], abs=0.03)
    assert np.min(held) > 0.85


def test_what_unlike_slices_err_besides_is_found() -> None:
    known = tabulated(*_with_besides(drawn(6000, 30.0), 120.0))
    assert known.apart == pytest.approx(120.0, rel=0.2)
    assert [one.base for one in known.spreads] == pytest.approx([20.0, 50.0], rel=0.25)
    assert known.apart_sd(THIN, THICK) == known.apart_sd(THICK, THIN) == known.apart
    assert known.apart_sd(THIN, THIN) == known.apart_sd(THICK, 9.0) == 0.0
    assert known.apart_sd(THIN, 0.5 * (THIN + THICK)) == pytest.approx(0.5 * known.apart)


def test_what_was_not_seen_between_unlike_slices_is_not_tabulated() -> None:
    first, last, slices, errors = drawn(200, 30.0)
    alike = slices[:, 0] == slices[:, 1]
    section = _section(first[alike], last[alike], slices[alike], errors[alike])
    assert "quantities" not in section


def _with_besides(drawn_: tuple[np.ndarray, ...], besides: float) -> tuple[np.ndarray, ...]:
    """The same with another error of that standard deviation between unlike slices."""
    first, last, slices, errors = drawn_
    more = np.random.default_rng(5).normal(0, besides, len(errors))
    return first, last, slices, errors + np.where(slices[:, 0] == slices[:, 1], 0.0, more)


def tabulated(first: np.ndarray, last: np.ndarray, slices: np.ndarray, errors: np.ndarray) -> Repeatability:
    table = parse_table(tomllib.loads(_section(first, last, slices, errors))["mask"])
    return table.quantities["herniation.volume_mm3"]


def _section(first: np.ndarray, last: np.ndarray, slices: np.ndarray, errors: np.ndarray) -> str:
    blank = dict.fromkeys(COLUMNS, "")
    rows = [
        {
            **blank,
            "subject": f"{n % 3}",
            "outlines": "mask",
            "what": "herniation.volume_mm3",
            "slice_first_mm": f"{s[0]}",
            "slice_last_mm": f"{s[1]}",
            "first": f"{a!r}",
            "last": f"{b!r}",
            "true_first": "0.0",
            "true_last": f"{(b - a) - e!r}",
            "registration_mm": "0.3",
        }
        for n, (a, b, s, e) in enumerate(
            zip(first.tolist(), last.tolist(), slices, errors.tolist(), strict=True)
        )
    ]
    return tabulate(rows, "mask")


@pytest.mark.parametrize(
    ("numbers", "both", "said"),
    [
        ([({1}, {1}), ({2}, {2})], {1, 2}, "yes"),
        ([({1}, {2}), ({2}, {1})], {1, 2}, "no"),
        ([({1, 2}, {1, 2})], {1, 2}, "no"),
        ([({1}, set()), (set(), {1})], {1}, "no"),
        ([({1}, set())], set(), ""),
    ],
)
def test_matched_right(numbers: list[tuple[set[int], set[int]]], both: set[int], said: str) -> None:
    assert _matched(numbers, both) == said


def test_figures_of_no_rows_say_so() -> None:
    said = {what: figure((), ()) for what, _, figure in FIGURES}
    assert {value for what, value in said.items() if "called regressed" in what} == {"no case"}


def test_large_herniations_that_lost_half_are_counted_by_protocol() -> None:
    def row(first: float, last: float, verdict: str, **others: str) -> dict[str, str]:
        usual = {"what": "herniation.volume_mm3", "protocols": "3D - 3D"}
        return usual | {"true_first": f"{first}", "true_last": f"{last}", "verdict": verdict} | others

    rows = [
        row(800, 400, "regressed"),
        row(800, 100, "resolved"),
        row(800, 300, "unchanged"),
        row(800, 300, "regressed", protocols="4 mm - 4 mm"),
        row(800, 300, "regressed", what="level.volume_mm3"),
        row(800, 401, "regressed"),  # less than half
        row(499, 10, "regressed"),  # small
    ]
    (of_3d,) = [figure for what, _, figure in FIGURES if "lost half" in what]
    assert of_3d((), rows) == "67 % of 3"


def test_until_the_model_is_tabulated_its_error_is_a_wider_estimate() -> None:
    exact = _section(*drawn(40, 3.0))
    tables = tomllib.loads(f"{exact}\n{estimate(exact)}")
    mask, model = (parse_table(tables[kind]) for kind in ("mask", "model"))
    name = "herniation.volume_mm3"
    assert model.estimated and "estimate" in model.made_with
    for slice_mm in (THIN, THICK):
        added = model.quantities[name].variance(1000.0, slice_mm) - mask.quantities[name].variance(
            1000.0, slice_mm
        )
        assert added == pytest.approx(25.0**2 + 100.0**2, rel=0.02)
