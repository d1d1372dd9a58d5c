"""Faults of slice sets: recognised, named, and never papered over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from resorb.dicom.geometry import Arrangement, arrange, separate
from resorb.dicom.header import Slice, slices_of
from tests.dicom import make
from tests.dicom.make import AXIAL, SAGITTAL, Scan


def slices(datasets: list[Dataset]) -> list[Slice]:
    return [found for n, ds in enumerate(datasets) for found in slices_of(ds, n)]


def arranged(datasets: list[Dataset]) -> Arrangement:
    return arrange(slices(datasets))


def sizes(arrangement: Arrangement) -> list[int]:
    return [len(stack.slices) for stack in arrangement.stacks]


def test_a_clean_series_is_one_stack_without_faults() -> None:
    result = arranged(make.single_frames(Scan(slices=15)))
    assert sizes(result) == [15]
    assert result.faults == []


@settings(max_examples=20, deadline=None)
@given(st.sets(st.integers(1, 13), min_size=1, max_size=4))
def test_missing_slices_are_counted_and_never_bridged(missing: set[int]) -> None:
    result = arranged(make.without(Scan(slices=15), *missing))
    assert any(f"{len(missing)} slice" in fault and "missing" in fault for fault in result.faults)
    kept = [n for n in range(15) if n not in missing]
    runs = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
    assert sizes(result)[0] == max(map(len, runs))
    for stack in result.stacks:
        assert np.linalg.norm(stack.step) == pytest.approx(4.4, abs=1e-3)


def test_duplicates_are_named_and_the_first_by_instance_number_is_kept() -> None:
    datasets = make.single_frames(Scan())
    copy = make.single_frames(Scan())[2]
    copy.InstanceNumber = 40
    result = arranged([copy, *datasets])
    assert sizes(result) == [5]
    assert "1 slice duplicated" in result.faults[0]
    assert [item.order[0] for item in result.stacks[0].slices] == [1, 2, 3, 4, 5]


def test_unevenly_spaced_slices_form_no_stack() -> None:
    datasets = make.single_frames(Scan(slices=6))
    for ds, x in zip(datasets, (0.0, 3.0, 7.5, 9.7, 15.2, 22.9), strict=True):
        ds.ImagePositionPatient = [x, -10, 30]
    result = arranged(datasets)
    assert max(sizes(result)) < 3
    assert any("unevenly spaced" in fault for fault in result.faults)


def test_rounded_positions_are_even() -> None:
    datasets = make.single_frames(Scan(slices=15, spacing_mm=4.43))
    for ds in datasets:
        ds.ImagePositionPatient = [round(v, 1) for v in ds.ImagePositionPatient]
    assert sizes(arranged(datasets)) == [15]


def test_sheared_positions_form_no_stack() -> None:
    datasets = make.single_frames(Scan(slices=7))
    for n, ds in enumerate(datasets):
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, z + 0.8 * n]
    result = arranged(datasets)
    assert max(sizes(result)) < 3
    assert any("sheared" in fault for fault in result.faults)


def test_an_axial_series_angled_per_disc_is_several_stacks_without_faults() -> None:
    datasets: list[Dataset] = []
    for z, angle, count in ((60, -5, 4), (25, 0, 4), (-10, 8, 5), (-45, 25, 3)):
        axes = make.tilted(AXIAL, Rotation.from_euler("x", angle, degrees=True).as_matrix())
        datasets += make.single_frames(Scan(axes=axes, center=(0, 0, z), slices=count))
    result = arranged(datasets)
    assert sizes(result) == [5, 4, 4, 3]
    assert result.orientations == 4
    assert result.faults == []


def test_parallel_axial_blocks_are_stacks_of_their_own() -> None:
    blocks = [Scan(axes=AXIAL, center=(0, 0, z), slices=4) for z in (50, 10, -33)]
    shifted = make.moved(blocks[2], (0, 9, -40))
    datasets = [ds for scan in (*blocks, shifted) for ds in make.single_frames(scan)]
    result = arranged(datasets)
    assert sizes(result) == [4, 4, 4, 4]
    assert result.faults == []


def test_overlapping_parallel_blocks_do_not_interleave() -> None:
    first = Scan(axes=AXIAL, center=(0, 0, 0), slices=5)
    second = make.moved(first, (0, 12, 7.3))
    result = arranged(make.single_frames(first) + make.single_frames(second))
    assert sizes(result) == [5, 5]


def test_a_tilt_within_tolerance_stays_one_stack_and_beyond_it_does_not() -> None:
    for degrees, orientations in ((0.2, 1), (2.0, 2)):
        datasets = make.single_frames(Scan(slices=10))
        axes = make.tilted(SAGITTAL, Rotation.from_euler("z", degrees, degrees=True).as_matrix())
        for ds in datasets[5:]:
            ds.ImageOrientationPatient = [float(f"{v:.8f}") for axis in axes for v in axis]
        assert arranged(datasets).orientations == orientations


def test_slices_of_two_sizes_are_not_mixed() -> None:
    datasets = make.single_frames(Scan(slices=6))
    small = make.single_frames(replace(Scan(slices=6), rows=8))
    result = arranged(datasets[:3] + small[3:])
    assert sizes(result) == [3, 3]
    assert "2 different sizes" in result.faults[0]


def test_repetitions_are_separated_by_what_differs() -> None:
    datasets = []
    for time in (1, 2, 3):
        for ds in make.single_frames(Scan()):
            ds.TemporalPositionIdentifier = time
            datasets.append(ds)
    assert [len(group) for group in separate(slices(datasets))] == [5, 5, 5]


def test_a_flavour_that_varies_without_repeating_a_place_splits_nothing() -> None:
    datasets = make.single_frames(Scan())
    datasets[1].ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    assert len(separate(slices(datasets))) == 1
