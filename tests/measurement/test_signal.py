"""The T2 ratio: tissue over CSF of the same slices, and every reason not to give one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.measurement.displaced import Displaced
from resorb.measurement.signal import t2_ratio
from resorb.reading import Quantity
from resorb.study import Volume

SHAPE = (9, 120, 60)
GRID = np.diag([4.0, 0.5, 0.5, 1.0])
TISSUE, CSF, ROOTS, BACKGROUND, BRIGHTEST = 120.0, 400.0, 200.0, 60.0, 900.0


def displaced(deep: float = 2.0, count: int = 40) -> Displaced:
    """Material in slices 4 and 5 at row 60: half of it `deep` mm behind the surface, half right at it."""
    index = np.array([(4 + n % 2, 60 + (n // 2) % 10, 20 + n // 20) for n in range(count)], np.intp).reshape(
        -1, 3
    )
    behind = np.where(np.arange(count) % 4 < 2, deep, 0.2)
    return Displaced(index, np.zeros((count, 3)), behind, Volume(np.zeros(SHAPE, np.uint8), GRID))


def sac() -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[3:7, :, 30:42] = True
    return mask


def image(of: Displaced | None = None, csf: float = CSF, roots: float = ROOTS) -> NDArray[np.float64]:
    """Bright CSF with roots in a third of the sac; deep material grey, and what lies at the surface bright."""
    of = of or displaced()
    data = np.full(SHAPE, BACKGROUND)
    inside = sac()
    data[inside] = csf
    data[..., ::3][inside[..., ::3]] = roots
    data[tuple(of.index.T)] = np.where(of.behind_mm > 1.0, TISSUE, 800.0)
    data[0, 0, 0] = BRIGHTEST
    return data


def ratio(data: NDArray[Any], of: Displaced | None = None, mask: NDArray[np.bool_] | None = None) -> Quantity:
    return t2_ratio(
        Volume(data, GRID), sac() if mask is None else mask, of or displaced(), clipped_share=0.10
    )


def test_tissue_over_csf_without_the_roots_and_without_the_edge() -> None:
    quantity = ratio(image())
    assert quantity.value == pytest.approx(TISSUE / CSF, abs=1e-4)
    assert quantity.method and not quantity.reason


@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_the_scanners_gain_cancels(gain: float) -> None:
    assert ratio(image() * gain).value == pytest.approx(TISSUE / CSF, abs=1e-4)
    assert ratio(np.round(image() * gain).astype(np.int16)).value == pytest.approx(TISSUE / CSF, abs=0.01)


def test_csf_of_other_slices_and_far_heights_does_not_count() -> None:
    data = image()
    inside = sac()
    for far in (np.s_[3], np.s_[6], np.s_[:, :5], np.s_[:, -4:]):
        data[far][inside[far]] = 700.0
    assert ratio(data).value == pytest.approx(TISSUE / CSF, abs=1e-4)


def test_csf_at_the_images_maximum_is_clipped() -> None:
    data = image(csf=BRIGHTEST)
    assert "clipped" in ratio(data).reason
    # A few voxels at the maximum are no clipping.
    data = image()
    data[4, 60:63, 31] = BRIGHTEST
    assert ratio(data).value is not None


def test_no_csf_in_the_slices() -> None:
    quantity = ratio(image(), mask=np.zeros(SHAPE, bool))
    assert quantity.value is None and "no CSF" in quantity.reason


@pytest.mark.parametrize(("csf", "roots"), [(100.0, 60.0), (210.0, 200.0)])
def test_a_dark_or_filled_sac_is_no_reference(csf: float, roots: float) -> None:
    quantity = ratio(image(csf=csf, roots=roots))
    assert quantity.value is None and "no bright CSF" in quantity.reason


@pytest.mark.parametrize("few", [displaced(deep=0.3), displaced(count=12), displaced(count=0)])
def test_too_little_material_has_no_signal(few: Displaced) -> None:
    quantity = ratio(image(few), few)
    assert quantity.value is None and "too little" in quantity.reason
