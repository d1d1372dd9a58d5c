"""Calibration: intervals fitted to errors of a known law hold 95 % of new ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.intervals import MIN_PATIENTS, NUMBERS, calibration, fitted, observed, written
from resorb.measurement.intervals import Reach, Seen, stored, terms
from resorb.study import FloatArray

RNG_SEED = 5


def drawn(count: int, seed: int) -> tuple[FloatArray, FloatArray, list[str]]:
    """Depths whose error grows with slice thickness and is skewed upwards."""
    rng = np.random.default_rng(seed)
    values, slices = rng.uniform(0, 12, count), rng.choice([0.9, 4.4], count)
    features = np.array(
        [terms("depth_mm", v, Seen(0.6, s, False, 0.0)) for v, s in zip(values, slices, strict=True)]
    )
    errors = 0.1 * slices * np.where(rng.random(count) < 0.5, -0.5, 1.5) * np.abs(rng.normal(0, 1, count))
    return features, errors, [str(n // 5) for n in range(count)]


def test_intervals_hold_95_of_100_new_errors_in_thin_and_in_thick_slices() -> None:
    below, above = fitted(*drawn(600, RNG_SEED))
    features, errors, _ = drawn(4000, RNG_SEED + 1)
    inside = (errors <= features @ above) & (errors >= -(features @ below))
    thick = features[:, NUMBERS.index("slice")] > 2
    assert inside.mean() == pytest.approx(0.95, abs=0.025)
    assert inside[thick].mean() == pytest.approx(0.95, abs=0.04)
    assert inside[~thick].mean() == pytest.approx(0.95, abs=0.04)
    assert (features @ above).mean() > 1.5 * (features @ below).mean()  # skewed as the errors are


def test_what_was_never_seen_with_axial_slices_is_no_more_certain_with_them() -> None:
    below, above = fitted(*drawn(300, RNG_SEED))
    for numbers in (below, above):
        assert numbers[NUMBERS.index("axial")] == numbers[NUMBERS.index("slice")]
    assert above[NUMBERS.index("slice")] > 0


def test_only_what_was_there_or_seen_is_calibrated_on() -> None:
    about = {
        "pixel_mm": "0.5",
        "slice_mm": "4.4",
        "confidence": "",
        "case": "1",
        "depth_mm source": "sagittal",
    }
    rows = [
        about | {"depth_mm": "6.0", "depth_mm true": "6.5"},
        about | {"depth_mm": "0.0", "depth_mm true": "0.0"},
        about | {"depth_mm": "", "depth_mm true": "6.5"},
    ]
    features, errors, whose = observed(rows, "depth_mm")
    assert features.tolist() == [[1.0, 6.0, 0.5, 4.4, 0.0, 0.0]]
    assert (errors.tolist(), whose) == ([0.5], ["1"])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    reach = Reach(base=0.1, share=0.02, pixel=0.3, slice=0.04, axial=0.0, doubt=1.5)
    path = tmp_path / "intervals.toml"
    path.write_text(
        written({"mask": ("60 patients", {"disc.depth_mm": (reach, reach)}), "model": ("none", {})})
    )
    read = stored(path)
    assert read["mask"] == ("60 patients", {"disc.depth_mm": (reach, reach)})
    assert read["model"] == ("none", {})


def test_few_patients_calibrate_nothing() -> None:
    about, reaches = calibration([{"case": str(n)} for n in range(MIN_PATIENTS - 1)], "a model")
    assert about.startswith("not calibrated: 19 simulated patients") and not reaches
