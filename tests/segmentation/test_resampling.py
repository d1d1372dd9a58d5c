"""Resampling to the model's pixels and back, and the decision there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator

from resorb.anatomy import Structure
from resorb.segmentation.resampling import BODY_ODDS, KEEPING, LIKELY_ODDS, Interpolator, decide, resampler
from resorb.study import FloatArray

sizes = st.integers(8, 400)
spacings = st.floats(0.2, 1.6)


def centres(count: int, spacing: float) -> FloatArray:
    """Where pixels of one size lie that begin where the field begins, mm."""
    return np.asarray((np.arange(count) + 0.5) * spacing, np.float64)


def along(up: Interpolator, values: NDArray[np.generic]) -> FloatArray:
    """Interpolated values (n,) of values (count,)."""
    return np.asarray(up(values.astype(np.float32)[:, None])[:, 0], np.float64)


@given(size=sizes, spacing=spacings, wanted=spacings)
def test_a_constant_stays_constant_to_the_edge(size: int, spacing: float, wanted: float) -> None:
    down = resampler(size, spacing, wanted)
    assert down.shape[0] * wanted == pytest.approx(size * spacing, abs=0.5 * wanted + 1e-9)
    np.testing.assert_allclose(down @ np.ones(size), 1.0, atol=1e-5)
    up = Interpolator.between(down.shape[0], wanted, size, spacing)
    np.testing.assert_allclose(along(up, np.ones(down.shape[0])), 1.0, atol=1e-5)
    assert down.min() >= 0 and up.share.min() >= 0 and up.share.max() <= 1


@given(size=sizes, spacing=spacings, wanted=spacings)
def test_a_ramp_keeps_its_place_in_millimetres(size: int, spacing: float, wanted: float) -> None:
    """Interior pixels of a linear ramp hold the value at their own place: no shift by part of a pixel."""
    down = resampler(size, spacing, wanted)
    here, there = centres(size, spacing), centres(down.shape[0], wanted)
    reach = max(spacing, wanted)
    inner = (there > reach + spacing) & (there < size * spacing - reach - spacing)
    # A triangle that spans no whole number of pixels weighs them unevenly, by a small part of a pixel.
    slack = 1e-3 if wanted <= spacing else 0.13 * spacing
    np.testing.assert_allclose((down @ here)[inner], there[inner], atol=slack)

    up = Interpolator.between(down.shape[0], wanted, size, spacing)
    inner = (here > wanted) & (here < (down.shape[0] - 1) * wanted)
    np.testing.assert_allclose(along(up, there)[inner], here[inner], atol=1e-3)


@given(size=st.integers(40, 300), ratio=st.integers(2, 6))
def test_larger_pixels_average_what_they_cover(size: int, ratio: int) -> None:
    """A pattern finer than the new pixels leaves its mean, not an alias."""
    stripes = np.arange(size) % 2.0
    down = resampler(size, 0.4, 0.4 * ratio)
    inner = (down @ stripes)[2:-2]
    np.testing.assert_allclose(inner, 0.5, atol=0.13)


@given(size=sizes, spacing=spacings)
def test_the_models_own_pixels_are_left_as_they_are(size: int, spacing: float) -> None:
    values = np.random.default_rng(size).random(size)
    np.testing.assert_allclose(resampler(size, spacing, spacing) @ values, values, atol=1e-5)
    np.testing.assert_allclose(
        along(Interpolator.between(size, spacing, size, spacing), values), values, atol=1e-5
    )


@given(size=st.integers(60, 300), spacing=st.floats(0.3, 1.2))
def test_there_and_back_moves_no_edge(size: int, spacing: float) -> None:
    """A step's half-height stays within a tenth of a millimetre of its place."""
    wanted = 0.5
    step = (np.arange(size) >= size // 2).astype(np.float64)
    down = resampler(size, spacing, wanted)
    back = along(Interpolator.between(down.shape[0], wanted, size, spacing), down @ step)
    crossing = np.interp(0.5, back, centres(size, spacing))
    assert crossing == pytest.approx(size // 2 * spacing, abs=0.1 + 0.1 * spacing)


@given(
    seed=st.integers(0, 2**31),
    spacing=st.tuples(st.floats(0.3, 1.2), st.floats(0.3, 1.2)),
    smooth=st.booleans(),
)
def test_the_most_probable_of_the_interpolated_probabilities_wins(
    seed: int, spacing: tuple[float, float], smooth: bool
) -> None:
    """Against scipy's interpolation of all six, pixel by pixel, where few or most neighbours disagree."""
    random, (rows, columns), old_mm = np.random.default_rng(seed), (23, 31), 0.5
    logits = random.normal(size=(6, rows, columns)) * 3
    if smooth:
        logits = np.repeat(np.repeat(logits[:, ::6, ::6], 6, axis=1), 6, axis=2)[:, :rows, :columns]
    old = (np.exp(logits) / np.exp(logits).sum(axis=0)).astype(np.float32)
    shape = [round(n * old_mm / mm) for n, mm in zip((rows, columns), spacing, strict=True)]
    up = [
        Interpolator.between(n, old_mm, m, mm)
        for n, m, mm in zip((rows, columns), shape, spacing, strict=True)
    ]

    at = [
        np.clip(centres(m, mm) / old_mm - 0.5, 0, n - 1)
        for n, m, mm in zip((rows, columns), shape, spacing, strict=True)
    ]
    points = np.stack(np.meshgrid(*at, indexing="ij"), axis=-1)
    interpolate = RegularGridInterpolator(
        (np.arange(rows), np.arange(columns)), np.moveaxis(old, 0, -1).astype(float)
    )
    expected = interpolate(points)

    decided = decide(old, *up)
    best = expected.max(axis=-1)
    np.testing.assert_allclose(
        np.take_along_axis(expected, decided.structure[..., None], -1)[..., 0], best, atol=1e-5
    )
    np.testing.assert_allclose(decided.probability / 255, best, atol=0.51 / 255)
    disc = int(Structure.DISC)
    certain = LIKELY_ODDS * expected[..., disc] > np.delete(expected, disc, axis=-1).sum(axis=-1)
    assert decided.likely_disc[certain].all()  # more than all others together
    seldom = expected[..., disc] < best / (2 * LIKELY_ODDS)
    assert not decided.likely_disc[seldom & (decided.structure != disc)].any() or not smooth


@given(body=st.floats(0.05, 0.95))
def test_a_body_is_likely_at_half_the_odds_but_not_where_disc_sac_or_sacrum_are_likelier(body: float) -> None:
    same = Interpolator.between(4, 0.5, 4, 0.5)
    for other in set(Structure) - {Structure.VERTEBRAL_BODY}:
        least = 0.5 if other in KEEPING else 1 / (1 + BODY_ODDS)
        if abs(body - least) < 1e-3:
            continue
        probability = np.zeros((6, 4, 4), np.float32)
        probability[Structure.VERTEBRAL_BODY], probability[other] = body, 1 - body
        assert (decide(probability, same, same).likely_body == (body > least)).all()


@given(first=st.integers(0, 60), length=st.integers(5, 60), spacing=st.floats(0.3, 1.2))
def test_a_part_is_the_whole_cut(first: int, length: int, spacing: float) -> None:
    """From only the old pixels around a window, its pixels come out as from all of them."""
    up = Interpolator.between(200, 0.5, 150, spacing)
    values = np.random.default_rng(first).random((200, 2)).astype(np.float32)
    low, high = int(up.low[first]), int(up.high[min(first + length, 150) - 1]) + 1
    part = up.part(first, first + length, offset=low, count=high - low)
    np.testing.assert_array_equal(part(values[low:high]), up(values)[first : first + length])
