"""A closed-form herniation that stays or goes in a scan whose outlines are right, and what is counted of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import displaced, shrunk
from benchmarks.common import Table
from benchmarks.displaced import OF_CASE, Planted
from benchmarks.implant_cases import Subject, level_frame
from benchmarks.labelled import cases
from benchmarks.shrunk import COLUMNS, material_mm3, printed, rows, run
from resorb import Level, Structure, Volume
from resorb.errors import NotMeasurableError
from resorb.segmentation.levels import name_levels
from resorb.simulation.implant import Implanted
from resorb.simulation.implant.evaluation import implant_for_evaluation
from resorb.simulation.spec import HerniationSpec
from resorb.study import Study
from tests.benchmarks.sets import GREY, Reader, write_spider
from tests.spine import Bump, sampled

L4L5 = Level("L4", "L5")
BUMP = Bump(depth=7.0, half_width=9.0, half_height=6.0)
FINE = (1.0, 0.5, 0.5)


def grey(structures: Volume) -> Volume:
    return structures.with_data((structures.data * GREY).astype(np.int16))


@pytest.fixture(scope="module")
def scan() -> Subject:
    structures = sampled(None, spacing=FINE).sagittal()
    return Subject("7", grey(structures), name_levels(structures, None, source=""), {})


@pytest.fixture(scope="module")
def planted(scan: Subject) -> Planted:
    before, after = scan.anatomy.labels, sampled(BUMP, spacing=FINE).sagittal()
    share = (after.data == Structure.DISC) & (scan.image.data != Structure.DISC * GREY)
    made = Implanted(grey(after), after, before.with_data(share.astype(np.float32)), {"depth_mm": BUMP.depth})
    spec = HerniationSpec(level=L4L5, zone="central", volume_mm3=BUMP.volume_mm3)
    return Planted(spec, 0, made, level_frame(scan.anatomy, L4L5))


def test_only_what_was_no_disc_before_counts(scan: Subject, planted: Planted) -> None:
    labels, displaced = scan.anatomy.labels, planted.made.displaced
    assert material_mm3(labels, displaced) == pytest.approx(BUMP.volume_mm3, rel=0.03)
    everywhere = displaced.with_data(np.ones(displaced.shape, np.float32))
    disc = np.count_nonzero(scan.image.data == Structure.DISC * GREY)
    outside = (displaced.data.size - disc) * displaced.voxel_volume_mm3
    assert material_mm3(labels, everywhere) == pytest.approx(outside)


def test_what_stays_is_not_lost_and_what_goes_is(
    scan: Subject, planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrunk, "REMAINS", {"unchanged": 1.0, "gone": 0.0})
    monkeypatch.setattr(shrunk, "again", lambda study, seed: (study, np.eye(4)))
    (case,) = cases(write_spider(tmp_path / "set"), "test")
    stays, goes = rows(scan, case, planted, Reader())  # type: ignore[arg-type]
    assert stays["verdict"] in ("unchanged", "indeterminate")
    assert stays["true_last_mm3"] == stays["true_first_mm3"]
    assert goes["verdict"] in ("regressed", "resolved") and goes["of_herniation"] in ("regressed", "resolved")
    lost = float(goes["last_mm3"]) - float(goes["first_mm3"])
    assert lost == pytest.approx(-BUMP.volume_mm3, rel=0.15)
    assert (stays["alarms"], goes["alarms"]) == ("0", "0")


def test_less_of_a_herniation_is_a_smaller_one_from_the_same_tear(
    scan: Subject,
) -> None:
    """Made by the generator: half the volume, and nearly all of it where the whole was."""
    spec = HerniationSpec(level=L4L5, type="protrusion", zone="central", volume_mm3=400.0)
    made = [
        implant_for_evaluation(
            scan.image, scan.anatomy.labels, spec.model_copy(update={"volume_mm3": mm3}), 0
        )
        for mm3 in (400.0, 200.0)
    ]
    whole, half = (material_mm3(scan.anatomy.labels, one.displaced) for one in made)
    assert half / whole == pytest.approx(0.5, abs=0.1)
    inside = np.minimum(made[0].displaced.data, made[1].displaced.data).sum() / made[1].displaced.data.sum()
    assert inside > 0.8
    frame = level_frame(scan.anatomy, L4L5)
    image, left = shrunk._shrunk(scan, Planted(spec, 0, made[0], frame), 0.5)
    assert left == pytest.approx(half)
    assert np.array_equal(image.data, made[1].image.data)


def test_a_run_makes_so_many_of_each_scan_and_resumes(
    scan: Subject, planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Level] = []

    def some(_scan: Subject, level: Level, _number: int, volume_mm3: tuple[float, float]) -> Planted | str:
        asked.append(level)
        assert volume_mm3 == shrunk.VOLUME_MM3
        return "no room" if level == Level("L5", "S1") else planted

    def refused(study: Study, _model: Reader) -> None:
        raise NotMeasurableError("no spine")

    monkeypatch.setattr(shrunk, "plant", some)
    monkeypatch.setattr(displaced, "read_subject", lambda _data, _name: scan)
    monkeypatch.setattr(shrunk, "_study", lambda image, _case: image)
    monkeypatch.setattr(shrunk, "_read", refused)
    chosen = cases(write_spider(tmp_path / "set"), "test")
    table = Table(tmp_path / "shrunk.csv", COLUMNS, OF_CASE)
    for _ in range(2):
        run(chosen, Reader(), tmp_path, 3, table)  # type: ignore[arg-type]
    made = [row for row in table.rows() if row["what"]]
    assert len(made) == 3 * len(shrunk.REMAINS)
    assert {row["left_out"] for row in made} == {"no spine"}
    assert len(asked) == len(set(asked))


def row(
    what: str, verdict: str, of_herniation: str, first: float, last: float, reach: float = 100.0
) -> dict[str, str]:
    """A herniation of 800 mm3 that lost half."""
    change = last - first
    return {
        "what": what, "verdict": verdict, "of_herniation": of_herniation, "alarms": "1",
        "true_first_mm3": "800", "true_last_mm3": "400", "first_mm3": f"{first}", "last_mm3": f"{last}",
        "low_mm3": f"{change - reach}", "high_mm3": f"{change + reach}",
    }  # fmt: skip


def test_verdicts_errors_and_intervals_are_counted() -> None:
    found = [
        row("half", "regressed", "regressed", 700.0, 310.0),  # lost 390: 10 too little
        row(
            "half", "indeterminate", "resolved", 700.0, 500.0
        ),  # lost 200: 200 too little, beyond its interval
        row("half", "grown", "", 700.0, 300.0),  # counted as said, whatever was measured
        {"what": "half", "verdict": "", "left_out": "no spine"},
    ]
    table = printed(found)
    cells = [list(column.cells) for column in table.columns]
    of_half = [column[list(cells[0]).index("half")] for column in cells]
    spread = 1.96 * np.std([10.0, 200.0, 0.0], ddof=1)
    assert of_half == ["half", "3", "2", "1", "0", "1", "1", f"+70 ± {spread:.0f}", "2 of 3", "3", "1"]
