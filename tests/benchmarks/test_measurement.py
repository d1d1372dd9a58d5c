"""The measurement benchmark: which patients, what is paired with what, and figures of rows whose truth is plain."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from benchmarks import measurement_tables as tables
from benchmarks.agreement import limits_of_agreement
from benchmarks.measurement import FUSED, Outlines, numbers_of
from benchmarks.measurement_rows import COLUMNS, EXTRA, KEY, WHOLE, rows_of
from benchmarks.phantoms import (
    CALIBRATION_SEED,
    DISCS,
    KINDS,
    SCORED_SEED,
    Patient,
    Shot,
    _read,
    _write,
    case_of,
    study_of,
)
from resorb import Anatomy, Study, Timepoint, UsageError
from resorb.reading import DiscReading, Herniation, PlaneExtent, Quantity
from resorb.segmentation.model import EmbeddedModel
from resorb.simulation.case import SimulatedDate
from tests import steps
from training import simulated as trained_on

ONE = Quantity(value=1.0, low=0.5, high=1.5, source="sagittal")


def row(**values: str) -> dict[str, str]:
    about = {"level": "L4/L5", "herniation": WHOLE, "case": "1", "acquisition": "3D", "missing": ""}
    return dict.fromkeys(COLUMNS, "") | about | values


def test_80_patients_hold_every_kind_at_every_level() -> None:
    asked = set()
    for patient in (case_of(SCORED_SEED, n) for n in range(1, 81)):
        bodies = patient.spine.lumbar_bodies  # 4 to 6: the lowest disc has several names
        asked |= {(bodies - int(h.level.upper[1:]), h.type, h.zone) for h in patient.herniations}
    lower = {(upwards, kind, zone) for upwards in range(DISCS - 1) for kind, zone in KINDS}
    assert lower <= asked  # a spine of four bodies has no fifth disc
    assert {upwards for upwards, _, _ in asked} == set(range(DISCS))


def test_nobody_is_scored_that_was_trained_on_or_calibrated_with() -> None:
    assert len({SCORED_SEED, CALIBRATION_SEED, trained_on.SEED, trained_on.SEED + 1}) == 4
    assert case_of(SCORED_SEED, 3) == case_of(SCORED_SEED, 3) != case_of(CALIBRATION_SEED, 3)


@pytest.fixture(scope="module")
def patient(simulated: SimulatedDate) -> Patient:
    """The model case's first date, its true masks in one acquisition."""
    frames = {level.level: (np.array(level.origin), np.array(level.axes)) for level in simulated.truth.levels}
    scan = simulated.scans[0]
    return Patient(1, simulated.truth, {"4 mm": Shot(scan.labels, (), frames, {("L4/L5", 0): 0.5})})


def reading_of(made: Patient, moved_mm: float) -> Timepoint:
    """A time point that tells the truth of L4/L5, its herniation moved, and one more far away; no other level."""
    study, anatomy = study_of(made, "4 mm sagittal")
    true = made.truth.at("L4/L5")
    plane = PlaneExtent(base_mm=ONE, extent_mm=ONE)
    sizes = {name: ONE for name, about in Herniation.model_fields.items() if about.annotation is Quantity}

    def herniation(number: int, moved: float) -> Herniation:
        x, y, z = true.focal[0].sizes.centre or (0.0, 0.0, 0.0)
        centre = (x + moved, y, z)
        about = {"number": number, "apex": centre, "centre": centre, "continuous": True}
        return Herniation.model_validate(about | sizes | {"axial": plane, "sagittal": plane})

    quantities = {n: ONE for n, about in DiscReading.model_fields.items() if about.annotation is Quantity}
    origin = tuple(np.array(true.origin) + 0.2 * np.array(true.axes[1]))
    disc = DiscReading.model_validate(
        {"level": "L4/L5", "origin": origin, "herniations": (herniation(1, 60.0), herniation(2, moved_mm))}
        | quantities
    )
    return steps.timepoint(study, anatomy, disc)


def test_the_nearest_herniation_is_paired_and_the_other_one_is_extra(patient: Patient) -> None:
    rows = [r for r in rows_of(patient, "4 mm sagittal", reading_of(patient, 2.0)) if r["level"] == "L4/L5"]
    assert [r["herniation"] for r in rows] == [WHOLE, "1", EXTRA]
    assert set().union(*rows) <= set(COLUMNS) - set(KEY) | {"level", "herniation"}
    whole, one, extra = rows
    true = patient.truth.at("L4/L5")
    assert float(str(whole["depth_mm true"])) == pytest.approx(true.sizes.depth_mm.value)
    assert (whole["depth_mm"], whole["depth_mm low"], whole["t2_ratio true"]) == (
        "1.0000",
        "0.5000",
        "0.5000",
    )
    assert float(str(whole["origin posterior_mm"])) == pytest.approx(0.2, abs=1e-3)
    assert float(str(whole["origin left_mm"])) == pytest.approx(0.0, abs=1e-3)
    assert whole["morphology true"] == true.classes.morphology.value
    assert float(str(one["axial.base_mm true"])) == pytest.approx(true.focal[0].sizes.axial.base_mm.value)
    assert extra["depth_mm true"] == ""


def test_a_herniation_too_far_away_is_none(patient: Patient) -> None:
    rows = [r for r in rows_of(patient, "4 mm sagittal", reading_of(patient, 20.0)) if r["level"] == "L4/L5"]
    assert [r["herniation"] for r in rows] == [WHOLE, "1", EXTRA, EXTRA]
    assert rows[1]["missing"] == "no herniation was found there"


def test_a_level_that_is_not_in_the_reading_is_missing(patient: Patient) -> None:
    rows = list(rows_of(patient, "4 mm sagittal", reading_of(patient, 2.0)))
    missing = {r["level"] for r in rows if r.get("missing")}
    assert missing == {level.level for level in patient.truth.levels} - {"L4/L5"}


def test_a_kept_patient_is_the_same_again(patient: Patient, tmp_path: Path) -> None:
    path = tmp_path / "1.npz"
    _write(path, patient)
    again = _read(path, 1)
    assert again.truth == patient.truth
    assert again.shots["4 mm"].t2_ratio == {("L4/L5", 0): 0.5}
    for one, other in zip(again.shots["4 mm"].labels, patient.shots["4 mm"].labels, strict=True):
        assert np.array_equal(one.data, other.data) and np.array_equal(one.affine, other.affine)
    assert np.array_equal(again.shots["4 mm"].frames["L4/L5"][1], patient.shots["4 mm"].frames["L4/L5"][1])


def test_depth_is_judged_by_its_farther_limit_where_something_is_displaced() -> None:
    errors = [0.2, 0.4, 0.6, 0.8]
    rows = [row(**{"depth_mm": str(5 + e), "depth_mm true": "5", "morphology true": "bulge"}) for e in errors]
    rows.append(row(**{"depth_mm": "9", "depth_mm true": "0", "morphology true": "none"}))
    rows.append(row(**{"depth_mm true": "5", "morphology true": "bulge"}))
    figure = tables.depth(tables.displaced(rows))
    assert figure is not None and (figure.count, figure.missing) == (4, 1)
    assert figure.number == pytest.approx(limits_of_agreement(np.array(errors)).high)


def test_volume_is_judged_from_300_mm3_on_and_relative_to_the_truth() -> None:
    rows = [row(**{"volume_mm3": str(v), "volume_mm3 true": "1000"}) for v in (900.0, 1100.0)]
    rows.append(row(**{"volume_mm3": "500", "volume_mm3 true": "299"}))
    figure = tables.volume(rows)
    assert figure is not None and figure.count == 2
    assert figure.number == pytest.approx(1.96 * np.std([-0.1, 0.1], ddof=1), rel=1e-3)


def test_a_level_without_a_class_disagrees() -> None:
    pairs = [("bulge", "bulge"), ("none", "none"), ("protrusion", "protrusion")]
    rows = [
        row(**{"morphology": said, "morphology true": true, "case": str(n)})
        for n, (said, true) in enumerate(pairs)
    ]
    whole = tables.morphology(rows)
    missed = tables.morphology([*rows, row(**{"morphology": "", "morphology true": "extrusion"})])
    assert whole is not None and missed is not None
    assert whole.number == pytest.approx(1.0)
    assert missed.number < 1.0 and missed.missing == 1


def test_only_herniations_that_are_there_have_a_zone() -> None:
    one = {"herniation": "1", "zone": "central", "zone true": "central"}
    two = {"herniation": "2", "zone": "foraminal", "zone true": "foraminal"}
    rows = [
        row(**one),
        row(**two),
        row(**{"herniation": EXTRA, "zone": "central"}),
        row(**{"herniation": "3", "zone true": "central"}),
    ]
    figure = tables.zone(rows)
    assert figure is not None and (figure.number, figure.count, figure.missing) == (1.0, 2, 1)


def test_an_interval_holds_the_truth_or_not_and_nothing_seen_of_nothing_does_not_count() -> None:
    stated = {"depth_mm": "5", "depth_mm low": "4", "depth_mm high": "6"}
    assert tables.holds(row(**stated, **{"depth_mm true": "5.9"}), "depth_mm") is True
    assert tables.holds(row(**stated, **{"depth_mm true": "6.1"}), "depth_mm") is False
    nothing = {"depth_mm": "0", "depth_mm low": "0", "depth_mm high": "1", "depth_mm true": "0"}
    assert tables.holds(row(**nothing), "depth_mm") is None
    assert tables.holds(row(**{"depth_mm": "5", "depth_mm true": "5"}), "depth_mm") is None


@pytest.mark.parametrize("given", [True, False])
def test_every_table_prints(given: bool, capsys: pytest.CaptureFixture[str]) -> None:
    values = {"depth_mm": "5.1", "depth_mm true": "5", "depth_mm low": "4", "depth_mm high": "6"}
    values |= {f"origin {axis}": "0.1" for axis in ("left_mm", "posterior_mm", "cranial_mm")}
    classes = {"morphology": "bulge", "morphology true": "bulge"}
    rows = [row(case=str(n), **values, **classes) for n in range(3)]
    tables.print_tables([*rows, row(missing="refused", herniation="", level="")], "a model", given=given)
    shown = capsys.readouterr().out
    assert "masks: a model" in shown and "Not measured" in shown
    assert f"{tables.REPEATABILITY_MM[given]:g}" in shown


def test_parts_are_disjoint_and_hold_everyone() -> None:
    parts = [set(numbers_of(7, f"{part}/3")) for part in (1, 2, 3)]
    assert sorted(n for part in parts for n in part) == list(range(1, 8))
    assert list(numbers_of(3, "1/1")) == [1, 2, 3]


@pytest.mark.parametrize("part", ["", "2", "0/2", "3/2", "1/2/3", "a/b"])
def test_what_is_no_part_is_refused(part: str) -> None:
    with pytest.raises(UsageError, match="--part"):
        numbers_of(9, part)


def test_thick_slices_are_segmented_once_for_both_of_their_studies(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def drawn(study: Study, **_: object) -> Anatomy:
        asked.append(study.axial is not None)
        return study_of(both, FUSED)[1]

    both = Patient(1, patient.truth, {"4 mm": patient.shots["4 mm"], "axial": patient.shots["4 mm"]})
    monkeypatch.setattr("benchmarks.measurement.segment", drawn)
    outlines = Outlines(both, cast(EmbeddedModel, object()))
    alone, fused = outlines.of("4 mm sagittal"), outlines.of(FUSED)
    assert asked == [True]
    assert (alone[0].axial, alone[1].axial) == (None, ())
    assert fused[0].axial is not None and fused[1].axial
    assert alone[1].labels is fused[1].labels
