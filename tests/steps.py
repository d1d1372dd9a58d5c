"""Stand-ins for the steps: a tiny study and its reading, for tests of what composes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from resorb import comparing, opening, pipeline, recovery
from resorb.anatomy import Anatomy, Level, LevelNaming, Structure, anatomy_index
from resorb.change import Change, Dated, LevelChange, Verdict
from resorb.limits import Limits
from resorb.reading import DiscReading, Quantity, Reading
from resorb.recovered import Recovery
from resorb.study import Contrast, Plane, Series, Study, Volume
from resorb.timepoint import Timepoint

L4L5 = Level("L4", "L5")
L5S1 = Level("L5", "S1")


def study() -> Study:
    affine = np.diag([4.0, 0.5, 0.5, 1.0])
    series = Series(3, (Volume(np.ones((4, 6, 6), np.int16), affine),), Plane.SAGITTAL, Contrast.T2)
    return Study(
        (series,), series, None, ("series 3: the only sagittal T2",), (), study_date=None, sha256="ab" * 32
    )


def anatomy(of: Study, doubts: tuple[str, ...] = ()) -> Anatomy:
    labels = np.zeros(of.sagittal.volume.shape, np.uint16)
    labels[:, 2, 2] = anatomy_index(Structure.VERTEBRAL_BODY, "L4")
    labels[:, 2, 3] = anatomy_index(Structure.DISC, "L4")
    labels[:, 2, 4] = anatomy_index(Structure.DISC, "L5")
    return Anatomy(
        of.sagittal.volume.with_data(labels),
        (L4L5, L5S1),
        LevelNaming("the sacrum", doubts),
        "a stand-in",
        {},
    )


def disc(level: Level, depth_mm: float | None, *flags: str) -> DiscReading:
    number = Quantity(value=depth_mm, reason="" if depth_mm is not None else "cropped")
    return DiscReading(
        level=str(level),
        flags=flags,
        slip_mm=number,
        disc_volume_mm3=number,
        disc_height_mm=number,
        depth_mm=number,
        area_mm2=number,
        volume_mm3=number,
        width_mm=number,
        height_mm=number,
        t2_ratio=number,
    )


def timepoint(of: Study, found: Anatomy, *discs: DiscReading) -> Timepoint:
    displaced = np.zeros(of.sagittal.volume.shape, np.uint8)
    displaced[1, 2, 3] = L4L5.ordinal
    reading = Reading(
        resorb_version="0",
        study_sha256=of.sha256,
        series="series 3",
        segmented_by=found.source,
        level_naming=found.naming.anchor,
        doubts=found.naming.doubts,
        discs=discs or (disc(L4L5, 6.25, "displaced"), disc(L5S1, None)),
    )
    return Timepoint(of, found, reading, of.sagittal.volume.with_data(displaced), {})


def change() -> Change:
    """Two dates of that study, unchanged."""
    verdict = Verdict(first=1, last=2, value="unchanged", words="L4/L5: unchanged within measurement error.")
    volumes = (
        Quantity(value=620.0, method="by construction"),
        Quantity(value=610.0, method="by construction"),
    )
    dates = tuple(
        Dated(number=n, study_sha256="ab" * 32, series="series 3", spacing_mm=(4.0, 0.5, 0.5)) for n in (1, 2)
    )
    level = LevelChange(
        level="L4/L5", registered_by="vertebrae", quantities={"volume_mm3": volumes}, verdict=verdict
    )
    return Change(resorb_version="0", sentence=verdict.words, dates=dates, levels=(level,))


def write_study(path: Path) -> Path:
    """A small image that is readable as a sagittal series."""
    data = np.arange(4 * 64 * 64, dtype=np.int16).reshape(4, 64, 64)
    image = nib.Nifti1Image(data, np.diag([4.0, 0.5, 0.5, 1.0]))
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def stand_in(
    monkeypatch: pytest.MonkeyPatch, *, doubts: tuple[str, ...] = (), discs: tuple[DiscReading, ...] = ()
) -> None:
    """Replace every step of the pipeline by a stand-in that reports a fixed reading."""

    def load(path: Path, *, series: int | None = None) -> Study:
        return study()

    def segment(
        of: Study,
        *,
        lowest_disc: Level | None = None,
        asked_for: bool = False,
        progress: pipeline.Progress | None = None,
    ) -> Anatomy:
        if progress is not None:
            progress("slice 1", 0.5)
        return anatomy(of, doubts)

    def from_mask(
        of: Study,
        mask: Path,
        scheme: str,
        *,
        lowest_disc: Level | None = None,
        progress: pipeline.Progress | None = None,
    ) -> Anatomy:
        return anatomy(of, doubts)

    def measure(of: Study, found: Anatomy, limits: Limits) -> Timepoint:
        return timepoint(of, found, *discs)

    def report(of: Timepoint, folder: Path, *, progress: pipeline.Progress | None = None) -> None:
        (folder / "report.html").write_text("<html></html>")

    monkeypatch.setattr(pipeline, "load", load)
    monkeypatch.setattr(pipeline, "segment", segment)
    monkeypatch.setattr(pipeline, "anatomy_from_mask", from_mask)
    monkeypatch.setattr(pipeline, "measure", measure)
    monkeypatch.setattr(pipeline, "report", report)


def stand_in_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace every step after reading by a stand-in that finds two unchanged dates; `stand_in` comes first."""

    def report_change(_change: Change, points: Sequence[Timepoint], folder: Path, **_: object) -> None:
        (folder / "report.html").write_text("<html></html>")

    def measure(of: Study, found: Anatomy, _limits: Limits, **_: object) -> Timepoint:
        return timepoint(of, found)

    nothing = Quantity(value=None, reason="a stand-in")
    monkeypatch.setattr(
        recovery, "recover", lambda *_, **__: Recovery(implants=(), share=nothing, segmented_by="a stand-in")
    )
    for step in ("load", "segment", "measure"):
        monkeypatch.setattr(opening, step, getattr(pipeline, step))
    monkeypatch.setattr(comparing, "agree_on_levels", lambda points: (tuple(points), ()))
    monkeypatch.setattr(comparing, "register_levels", lambda _points: {L4L5: None})
    monkeypatch.setattr(comparing, "joint_frames", lambda points, _registrations: tuple({} for _ in points))
    monkeypatch.setattr(comparing, "measure", measure)
    monkeypatch.setattr(comparing, "compare_dates", lambda *_: change())
    monkeypatch.setattr(comparing, "report_change", report_change)
