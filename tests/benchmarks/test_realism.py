"""How measurements become ranges, and simulated values are set against them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import ROOT
from benchmarks.realism import compared, real_scans, resampled, summarise
from resorb import Volume


def row(study: str, name: str, value: float, sequence: str = "tse", grade: str = "") -> dict[str, str]:
    return {
        "set": "a",
        "study": study,
        "sequence": sequence,
        "level": "L4/L5",
        "grade": grade,
        "measure": name,
        "value": str(value),
        "to_marrow": str(value),
        "to_csf": "",
    }


def test_a_range_is_from_5_to_95_percent_and_counts_studies_once() -> None:
    (only,) = summarise([row(f"s{n % 4}", "psoas", n / 100) for n in range(101)])
    assert (only["p5"], only["p50"], only["p95"]) == ("0.050", "0.500", "0.950")
    assert (only["n"], only["studies"]) == (101, 4)


def test_a_nucleus_counts_with_its_grade_and_with_all() -> None:
    grades = [item["grade"] for item in summarise([row("s", "nucleus", 1.0, grade="3")])]
    assert grades == ["", "3"]


def test_a_tissue_against_itself_is_left_out() -> None:
    assert summarise([row("s", "marrow", 1.0)]) == []


def test_simulated_values_are_judged_by_their_own_sequence_only() -> None:
    real = [row("r", "cord", n / 10) for n in range(11)]
    inside, outside = [row("m", "cord", 0.5)], [row("m", "cord", 2.0)]
    assert [item["median_inside"] for item in compared(real, inside)] == [True]
    assert [item["inside"] for item in compared(real, outside)] == ["0.00"]
    assert list(compared(real, [row("m", "cord", 0.5, sequence="space")])) == []
    assert list(compared(real[:3], inside)) == []


def test_no_test_subject_is_looked_at(tmp_path: Path) -> None:
    split = tomllib.loads((ROOT / "training" / "split.toml").read_text(encoding="utf-8"))
    for collection, parts in split.items():
        (tmp_path / collection).mkdir()
        for subject in (name for part in parts.values() for name in part):
            (tmp_path / collection / f"sub-{subject}_T2w.nii.gz").touch()
    for scan in real_scans(tmp_path):
        assert scan.study.removeprefix("sub-") not in split[scan.collection]["test"]


def test_resampling_keeps_the_place_of_everything() -> None:
    affine = np.diag([4.0, 0.5, 0.5, 1.0])
    affine[:3, 3] = (3.0, -2.0, 7.0)
    shape = (4, 20, 30)
    x, y, z = np.moveaxis(
        Volume(np.zeros(shape), affine).to_world(np.indices(shape).transpose(1, 2, 3, 0)), -1, 0
    )
    image = Volume((2 * x + 3 * y + 5 * z).astype(np.float32), affine)
    labels = Volume((z > 12).astype(np.uint16), affine)
    grey, names = resampled(image, labels)
    points = grey.to_world(np.indices(grey.shape).transpose(1, 2, 3, 0))
    inside = points[..., 0] <= x.max()
    assert grey.spacing_mm == pytest.approx([1.0, 1.0, 1.0])
    assert grey.data[inside] == pytest.approx((points @ [2, 3, 5])[inside], abs=1e-3)
    assert (names.data == (points[..., 2] > 12)).mean() > 0.96
