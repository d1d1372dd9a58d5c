"""The choice of the series: what wins, and that it is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resorb.errors import InputError, NotMeasurableError
from resorb.loading import choose
from resorb.study import Contrast, Plane, Series, Volume


def series(
    number: int,
    spacing: tuple[float, float, float] = (4.0, 4.0, 4.0),
    size_mm: tuple[float, float, float] = (60, 200, 280),
    plane: Plane = Plane.SAGITTAL,
    contrast: Contrast = Contrast.T2,
    fat: str = "no",
    **changes: object,
) -> Series:
    """A series with axes along right, anterior, superior."""
    shape = tuple(round(mm / step) for mm, step in zip(size_mm, spacing, strict=True))
    data = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    volume = Volume(data, np.diag([*spacing, 1.0]))
    facts: dict[str, str | float] = {"fat_suppressed": fat, "frame_of_reference": 1.0}
    return replace(Series(number, (volume,), plane, contrast, sequence=facts), **changes)  # type: ignore[arg-type]


PLAIN = series(1)


@pytest.mark.parametrize(
    ("better", "worse", "reason"),
    [
        (series(1), series(2, fat="yes"), "fat is not suppressed"),
        (series(1), series(2, faults=("1 slice missing",)), "without faults"),
        (series(1), series(2, size_mm=(60, 200, 120)), "covers more"),
        (series(1), series(2, size_mm=(12, 200, 280)), "wider"),
        (series(1, spacing=(3.0, 4.0, 4.0)), series(2, spacing=(5.0, 4.0, 4.0)), "thinner"),
        (series(1, spacing=(4.0, 2.0, 2.0)), series(2), "finer"),
        (series(1, size_mm=(80, 200, 280)), series(2), "more slices"),
        (series(2), series(1), "later"),
    ],
)
def test_the_better_series_wins_and_says_why(better: Series, worse: Series, reason: str) -> None:
    for order in ([better, worse], [worse, better]):
        choice = choose(order)
        assert choice.sagittal is better
        assert reason in choice.lines[0]
        assert any(f"series {worse.number}" in line and "not used" in line for line in choice.lines[1:])


def test_fat_suppressed_t2_is_better_than_none_and_said() -> None:
    choice = choose([series(4, fat="yes"), series(5, contrast=Contrast.T1)])
    assert choice.sagittal.number == 4
    assert "series 4: fat is suppressed" in choice.warnings


def test_an_isotropic_coronal_volume_serves_where_there_is_no_sagittal() -> None:
    cube = series(1, spacing=(1.0, 1.0, 1.0), size_mm=(40, 60, 60), plane=Plane.CORONAL)
    assert choose([cube]).sagittal is cube
    assert choose([cube, PLAIN, series(3)]).sagittal.number == 3


def test_blank_series_are_passed_over() -> None:
    blank = replace(PLAIN, number=7, stacks=(PLAIN.volume.with_data(np.zeros(PLAIN.volume.shape, np.uint8)),))
    assert choose([PLAIN, blank]).sagittal is PLAIN
    with pytest.raises(InputError, match="empty"):
        choose([blank])


def test_axial_t2_is_taken_along() -> None:
    axial = series(5, plane=Plane.AXIAL, spacing=(0.8, 0.8, 4.0), size_mm=(60, 60, 120))
    t1 = series(6, plane=Plane.AXIAL, spacing=(0.8, 0.8, 4.0), size_mm=(60, 60, 120), contrast=Contrast.T1)
    assert choose([PLAIN, axial, t1]).axial is axial
    moved = replace(axial, sequence={**axial.sequence, "frame_of_reference": 2.0})
    assert any("frames of reference" in warning for warning in choose([PLAIN, moved]).warnings)


def test_nothing_fitting_says_what_there_is() -> None:
    with pytest.raises(NotMeasurableError, match=r"series 2 .*STIR.*--series 2"):
        choose([series(2, contrast=Contrast.STIR), series(3, contrast=Contrast.LOCALIZER)])
    with pytest.raises(NotMeasurableError) as caught:
        choose([series(3, contrast=Contrast.LOCALIZER)])
    assert "--series" not in str(caught.value)
