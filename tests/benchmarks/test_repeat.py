"""The fit behind `repeat.toml` against errors drawn from a known spread, and what is counted of a pair."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from benchmarks.change import FIGURES, _matched
from benchmarks.pairs import ONE
from benchmarks.repeat import COLUMNS, sections, tabulate
from benchmarks.repeat_fit import Differences, fit, tabulated
from resorb.comparison.error import Measured, Repeatability, compare_values, parse_table
from resorb.reading import Quantity

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
    thin, thick = fit(differences(*drawn(4000, 30.0))).spreads
    assert (thin.slice_mm, thick.slice_mm) == (THIN, THICK)
    assert [thin.base, thin.share] == pytest.approx([20.0, 0.04], rel=0.2)
    assert [thick.base, thick.share] == pytest.approx([50.0, 0.10], rel=0.2)


def test_long_tails_are_found_again() -> None:
    assert fit(differences(*drawn(4000, 4.0))).freedom in (3.0, 4.0, 6.0)


@pytest.mark.parametrize("count", [40, 300])
@pytest.mark.parametrize("besides", [0.0, 120.0])
def test_intervals_hold_19_of_20_errors_that_were_not_tabulated(count: int, besides: float) -> None:
    """Of 3,000 others, between like slices and unlike ones, whatever they err besides; few errors must not mislead."""
    others = _with_besides(drawn(3000, 6.0, seed=9), besides)
    held = []
    for seed in range(6):
        known = known_of(*_with_besides(drawn(count, 6.0, seed), besides))
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
    known = known_of(*_with_besides(drawn(6000, 30.0), 120.0))
    assert known.apart == pytest.approx(120.0, rel=0.2)
    assert [one.base for one in known.spreads] == pytest.approx([20.0, 50.0], rel=0.25)
    assert known.apart_sd(THIN, THICK) == known.apart_sd(THICK, THIN) == known.apart
    assert known.apart_sd(THIN, THIN) == known.apart_sd(THICK, 9.0) == 0.0
    assert known.apart_sd(THIN, 0.5 * (THIN + THICK)) == pytest.approx(0.5 * known.apart)


def test_what_was_not_seen_between_unlike_slices_is_not_tabulated() -> None:
    first, last, slices, errors = drawn(200, 30.0)
    alike = slices[:, 0] == slices[:, 1]
    section = tabulate(rows_of(first[alike], last[alike], slices[alike], errors[alike]), "mask")
    assert "quantities" not in section


def _with_besides(drawn_: tuple[np.ndarray, ...], besides: float) -> tuple[np.ndarray, ...]:
    """The same with another error of that standard deviation between unlike slices."""
    first, last, slices, errors = drawn_
    more = np.random.default_rng(5).normal(0, besides, len(errors))
    return first, last, slices, errors + np.where(slices[:, 0] == slices[:, 1], 0.0, more)


def known_of(first: np.ndarray, last: np.ndarray, slices: np.ndarray, errors: np.ndarray) -> Repeatability:
    table = parse_table(tomllib.loads(tabulate(rows_of(first, last, slices, errors), "mask"))["mask"])
    return table.quantities["herniation.volume_mm3"]


def rows_of(
    first: np.ndarray, last: np.ndarray, slices: np.ndarray, errors: np.ndarray
) -> list[dict[str, str]]:
    """As `benchmarks.repeat` stores them."""
    blank = dict.fromkeys(COLUMNS, "")
    return [
        {
            **blank,
            "subject": f"{n % 3}",
            "outlines": "mask",
            "what": "herniation.volume_mm3",
            "number": f"{n}",
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


@pytest.mark.parametrize("count", [80, 1000])
def test_intervals_hold_what_changed_and_alarms_are_few_where_nothing_did(count: int) -> None:
    """Of 1,000 others. Outlines err by 30 % of what was lost besides, which makes no alarm where nothing was."""
    others = shrunk(1000, seed=5)
    held: list[bool] = []
    alarms: list[bool] = []
    called: list[bool] = []
    for seed in range(4):
        known = tabulated(shrunk(count, seed), alike=True)
        assert known is not None and known.quiet is not None
        for a, b, (slice_mm, _), truth in zip(
            others.first, others.last, others.slices, others.true, strict=True
        ):
            one, two = (
                Measured(n, Quantity(value=float(v)), float(slice_mm), known) for n, v in ((1, a), (2, b))
            )
            found = compare_values("volume_mm3", one, two)
            low, high = found.difference.absolute.low, found.difference.absolute.high
            assert low is not None and high is not None and found.p_value is not None
            held.append(low - 1e-3 <= truth <= high + 1e-3)
            (alarms if abs(truth) < 1e-6 else called).append(found.p_value < 0.05)
    assert 0.93 <= np.mean(held) <= 0.995
    assert len(alarms) > 1000 and np.mean(alarms) <= 0.05
    assert np.mean(called) > 0.6


def test_where_nothing_changed_errors_are_found_apart() -> None:
    known = tabulated(shrunk(4000, seed=8), alike=True)
    assert known is not None and known.quiet is not None
    thin, thick = known.quiet.spreads
    for spread, base, share in ((thin, 20.0, 0.04), (thick, 50.0, 0.10)):
        for volume in (300.0, 1000.0):
            assert np.hypot(spread.base, spread.share * volume) == pytest.approx(
                np.hypot(base, share * volume), rel=0.25
            )
        assert known.variance(1000.0, spread.slice_mm) > 1.3 * known.quiet.variance(1000.0, spread.slice_mm)


def shrunk(count: int, seed: int) -> Differences:
    """The spread of `drawn`, like slices; half have lost something, by which outlines are off by 30 % of it."""
    rng = np.random.default_rng(seed)
    first, slice_mm = rng.uniform(0, 1500, count), rng.choice([THIN, THICK], count)
    lost = np.where(rng.random(count) < 0.5, 0.0, rng.uniform(0.2, 1.0, count)) * first
    base, share = np.where(slice_mm == THIN, 20.0, 50.0), np.where(slice_mm == THIN, 0.04, 0.10)
    random = (np.hypot(base, share * v) * rng.standard_normal(count) for v in (first, first - lost))
    errors = sum(random) + 0.3 * rng.standard_normal(count) * lost
    return differences(first, first - lost + errors, np.column_stack([slice_mm, slice_mm]), errors)


def differences(first: np.ndarray, last: np.ndarray, slices: np.ndarray, errors: np.ndarray) -> Differences:
    """Each of another disc."""
    return Differences(first, last, slices, errors, np.arange(len(first)).astype(str))


def test_dates_on_one_scanner_have_a_table_of_their_own() -> None:
    first, last, slices, errors = drawn(600, 30.0)
    like = np.column_stack([slices[:, 0], slices[:, 0]])
    several = rows_of(first, last, slices, errors)
    one = [
        {**row, "subject": f"{row['subject']}{ONE}"}
        for row in rows_of(first, last - 0.7 * errors, like, 0.3 * errors)
    ]
    table = parse_table(tomllib.loads(tabulate([*several, *one], "mask"))["mask"])
    assert table.matching is not None and "one scanner" in table.matching.made_with
    usual, matching = (one.quantities["herniation.volume_mm3"] for one in (table, table.matching))
    assert matching.variance(800.0, THIN) < 0.5 * usual.variance(800.0, THIN)
    assert matching.apart == usual.apart  # dates of one protocol do not tell it


def test_what_was_not_compared_stays_in_the_file() -> None:
    exact = tabulate(rows_of(*drawn(200, 10.0)), "mask")
    model = exact.replace("[mask", "[model")
    assert sections(f"# a comment\n\n{exact}\n{model}") == {"mask": exact, "model": model}
