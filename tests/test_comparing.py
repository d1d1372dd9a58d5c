"""Several dates composed: on spines of closed form the whole path, with stand-ins what composes it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from resorb import comparing, opening, pipeline, recovery
from resorb.anatomy import Level
from resorb.change import Change
from resorb.comparing import CompareOptions, compare, load_timepoint
from resorb.errors import InputError, OutputError, StrictRefusal, UsageError
from resorb.loading import load as real_load
from resorb.measurement import measure
from resorb.opening import NO_DATES, Opened, in_order, opened
from resorb.reading import Quantity, Reading
from resorb.recovered import Implant, Recovery
from resorb.segmentation import levels as naming
from resorb.study import Study
from resorb.timepoint import Timepoint
from tests import spine, steps

LARGE, SMALL = spine.Bump(9.0, 9.0, 7.0, 3.0), spine.Bump(4.0, 5.0, 4.0, 3.0)
#: The middle disc of that spine, counted from its sacrum.
HERNIATED = "L4/L5"
FILES = {
    "change.csv",
    "change.json",
    "course.png",
    "course.svg",
    "figure-plain.png",
    "figure.png",
    "figure.svg",
}
FILES |= {"letter.txt", "report.html", "run.json"}


def point(bump: spine.Bump, day: date | None, sha256: str, turn: float = 0.0) -> Timepoint:
    """A date of the spine of closed form, in slices of 2 mm, outlined truly."""
    structures = spine.sampled(bump, spacing=(2.0, 0.6, 0.6), angles=(turn, 0.0, 0.0))
    study = replace(spine.study_of(structures), study_date=day, sha256=sha256 * 64)
    anatomy = naming.name_levels(structures.sagittal(), None, source="true outlines")
    return measure(study, replace(anatomy, labels=structures.from_sagittal(anatomy.labels.data)))


@pytest.fixture(scope="module")
def dates() -> tuple[Timepoint, Timepoint]:
    return point(LARGE, date(2024, 1, 15), "a"), point(SMALL, date(2024, 7, 18), "b", turn=4.0)


@pytest.fixture(scope="module")
def folder(dates: tuple[Timepoint, Timepoint], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two dates compared, given in the wrong order."""
    made = tmp_path_factory.mktemp("compare") / "out"
    compare([dates[1], dates[0]], made, CompareOptions(between=("none",)))
    return made


def test_the_dates_are_put_in_order_and_the_loss_is_the_true_one(folder: Path) -> None:
    change = Change.from_json((folder / "change.json").read_text())
    assert [str(one.date) for one in change.dates] == ["2024-01-15", "2024-07-18"]
    assert change.dates[1].days == 185
    (volumes,) = [one.quantities["volume_mm3"] for one in change.levels if one.level == HERNIATED]
    lost = (volumes[1].value or 0.0) - (volumes[0].value or 0.0)
    assert lost == pytest.approx(SMALL.volume_mm3 - LARGE.volume_mm3, rel=0.12)
    others = [one.quantities["volume_mm3"] for one in change.levels if one.level != HERNIATED]
    assert others and all(abs((b.value or 0.0) - (a.value or 0.0)) < 60.0 for a, b in others)


def test_every_file_is_written_and_named_by_the_run(folder: Path) -> None:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {name for name in there if "/" not in name} - {"report.pdf"} == FILES
    run = json.loads((folder / "run.json").read_text())
    assert set(run["files"]) == there - {"run.json"}
    assert run["input_sha256"] == ["a" * 64, "b" * 64]
    assert run["options"]["between"] == ["none"]
    assert set(run["seconds"]) == {"open", "dates", "register", "measure again", "compare", "report"}


def test_the_page_weighs_the_mechanisms_folded_after_what_was_measured(folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    section = page[page.index('id="mechanism"') :]
    assert page.index('id="finding"') < page.index('id="limits"') < page.index('id="mechanism"')
    assert section.index("<details>") < section.index("Two dates only") < section.index("</details>")


def test_the_dates_in_the_output_can_be_compared_again(folder: Path) -> None:
    stored = [folder / "dates" / str(n) for n in (1, 2)]
    again = compare(stored, options=CompareOptions(between=("none",)))
    before = Change.from_json((folder / "change.json").read_text())
    assert again.change == before
    assert [note for note in again.notes if "stored outlines were used" in note] == list(again.notes)


def test_a_stored_date_measures_as_the_one_that_was_stored(
    dates: tuple[Timepoint, Timepoint], folder: Path
) -> None:
    loaded = load_timepoint(folder / "dates" / "1")
    assert loaded.reading == dates[0].reading
    np.testing.assert_array_equal(loaded.displaced.data, dates[0].displaced.data)


def test_both_dates_are_stored_as_measured_against_one_reference(folder: Path) -> None:
    readings = [Reading.from_json((folder / "dates" / str(n) / "reading.json").read_text()) for n in (1, 2)]
    change = Change.from_json((folder / "change.json").read_text())
    for n, reading in enumerate(readings):
        for disc in reading.discs:
            assert disc.volume_mm3 == change.at(disc.level).quantities["volume_mm3"][n]


def test_nothing_is_written_without_a_folder_and_an_existing_one_is_kept(
    dates: tuple[Timepoint, Timepoint], folder: Path
) -> None:
    with pytest.raises(OutputError, match="--overwrite"):
        compare(list(dates), folder)


def test_an_output_may_not_replace_a_date_that_it_was_made_from(folder: Path) -> None:
    with pytest.raises(OutputError, match="input"):
        compare([folder / "dates" / "1", folder / "dates" / "2"], folder, overwrite=True)


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step after reading refuses to run: only what precedes them is looked at."""

    def stop(points: object, *_: object) -> None:
        raise Stopped(points)

    monkeypatch.setattr(comparing, "agree_on_levels", stop)


class Stopped(Exception):  # noqa: N818 - no error
    """Carries what would have been registered."""


def ordered(monkeypatch: pytest.MonkeyPatch, points: list[Timepoint], **options: object) -> list[date | None]:
    stand_in(monkeypatch)
    with pytest.raises(Stopped) as caught:
        compare(list(points), options=CompareOptions(**options))  # type: ignore[arg-type]
    return [one.study.study_date for one in caught.value.args[0]]


def bare(day: date | None, sha256: str = "a") -> Timepoint:
    of = replace(steps.study(), study_date=day, sha256=sha256 * 64)
    return steps.timepoint(of, steps.anatomy(of))


def lined(points: list[Timepoint], said: tuple[date, ...] = ()) -> tuple[tuple[Opened, ...], tuple[str, ...]]:
    return in_order([opened(one, n) for n, one in enumerate(points, start=1)], said)


DAYS = (date(2024, 7, 18), date(2023, 1, 2), date(2024, 1, 15))


def test_dates_said_take_the_place_of_those_in_the_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [bare(day, name) for day, name in zip(DAYS, "abc", strict=True)]
    assert ordered(monkeypatch, points) == sorted(DAYS)
    said = (date(2020, 1, 1), date(2021, 1, 1), date(2022, 1, 1))
    assert ordered(monkeypatch, points, dates=said) == list(said)


def test_without_any_date_the_given_order_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ordered(monkeypatch, [bare(None, "a"), bare(None, "b")]) == [None, None]
    assert lined([bare(None, "a"), bare(None, "b")])[1] == (NO_DATES,)


def test_one_missing_date_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"study 2 has no date .* --date"):
        compare([bare(DAYS[0]), bare(None)])


@pytest.mark.parametrize(
    ("count", "options", "said"),
    [
        (1, CompareOptions(), "two or more"),
        (2, CompareOptions(dates=DAYS), "3 --date for 2 studies"),
        (3, CompareOptions(between=("none", "operated", "none")), "3 --between for 3 studies"),
        (3, CompareOptions(lowest_disc=(steps.L5S1, steps.L5S1)), "2 --lowest-disc for 3 studies"),
    ],
)
def test_options_that_do_not_fit_the_studies_are_refused(
    count: int, options: CompareOptions, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        compare([bare(DAYS[0])] * count, options=options)


def test_the_same_images_twice_and_the_same_day_twice_are_noticed() -> None:
    same = lined([bare(DAYS[0], "a"), bare(DAYS[1], "a")])[1]
    assert same == ("dates 1 and 2 are the same images",)
    apart = [bare(DAYS[1], "a"), bare(DAYS[2], "b"), bare(DAYS[0], "a")]
    assert lined(apart)[1] == ("dates 1 and 3 are the same images",)
    undated = lined([bare(None, "a"), bare(None, "a")])[1]
    assert undated == (NO_DATES, "dates 1 and 2 are the same images")
    day = lined([bare(DAYS[0], "a"), bare(DAYS[0], "b")])[1]
    assert "same day" in day[0]


def test_a_date_that_contradicts_the_headers_is_told() -> None:
    (told,) = lined([bare(DAYS[1], "a"), bare(DAYS[0], "b")], (date(2022, 1, 1), DAYS[0]))[1]
    assert "2022-01-01" in told and "2023-01-02" in told


def test_what_was_done_is_said_for_each_interval() -> None:
    options = CompareOptions(between=("none", "operated"), levels=(None, Level("L4", "L5")))
    found = comparing._between(options, 3)
    assert [(one.first, one.last, one.history, one.levels) for one in found] == [
        (1, 2, "none", ()),
        (2, 3, "operated", ("L4/L5",)),
    ]
    assert [one.history for one in comparing._between(CompareOptions(between=("injected",)), 4)] == [
        "injected"
    ] * 3


def test_strict_refuses_any_doubt_and_writes_nothing(
    dates: tuple[Timepoint, Timepoint], tmp_path: Path
) -> None:
    doubtful = replace(
        dates[1], reading=dates[1].reading.model_copy(update={"doubts": ("four lumbar bodies",)})
    )
    with pytest.raises(StrictRefusal, match="four lumbar bodies"):
        compare([dates[0], doubtful], tmp_path / "out", CompareOptions(strict=True))
    assert not list(tmp_path.iterdir())


def read_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str = "a stand-in") -> Path:
    """What `resorb read` stores, with stand-ins for its steps."""
    steps.stand_in(monkeypatch)
    anatomy = replace(steps.anatomy(steps.study()), source=source)
    monkeypatch.setattr(pipeline, "segment", lambda *_, **__: anatomy)
    (tmp_path / "study.nii.gz").write_bytes(b"image")
    pipeline.read(tmp_path / "study.nii.gz", tmp_path / "first")
    return tmp_path / "first"


def test_what_read_stored_is_used_again_and_another_models_outlines_are_drawn_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn = []

    def segment(study: object, **_: object) -> object:
        drawn.append(study)
        return steps.anatomy(steps.study())

    monkeypatch.setattr(opening, "segment", segment)
    folder = read_folder(monkeypatch, tmp_path)
    assert load_timepoint(folder).anatomy.source == "a stand-in" and not drawn
    (tmp_path / "b").mkdir()
    load_timepoint(read_folder(monkeypatch, tmp_path / "b", "resorb model 0.0 (abc)"))
    assert len(drawn) == 1


def test_every_input_is_looked_at_before_the_first_is_outlined(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first study is readable, the second mistyped, and nothing is outlined in vain."""

    def load(path: Path) -> Study:
        return steps.study() if path.name == "first.nii.gz" else real_load(path)

    outlined: list[object] = []
    monkeypatch.setattr(opening, "load", load)
    monkeypatch.setattr(opening, "segment", lambda *found, **_: outlined.append(found))
    with pytest.raises(InputError, match=r"secnod\.nii\.gz"):
        compare([tmp_path / "first.nii.gz", tmp_path / "secnod.nii.gz"])
    assert outlined == []


def test_a_missing_date_is_asked_for_before_anything_is_outlined(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    days = {"first": DAYS[0], "second": None}
    monkeypatch.setattr(
        opening, "load", lambda path: replace(steps.study(), study_date=days[path.name], sha256=path.name)
    )
    with pytest.raises(UsageError, match="study 2 has no date"):
        compare([tmp_path / "first", tmp_path / "second"])


def test_the_recovery_check_is_made_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, dates: tuple[Timepoint, Timepoint], tmp_path: Path
) -> None:
    implant = Implant(
        date=1, level="L3/L4", morphology="protrusion", known_mm3=300.0, measured_mm3=270.0, found=True
    )
    found = Recovery(
        implants=(implant,) * 20, share=Quantity(value=0.9, low=0.8, high=1.0), segmented_by="a stand-in"
    )
    monkeypatch.setattr(recovery, "recover", lambda *_, **__: found)
    out = tmp_path / "out"
    compare(list(dates), out, CompareOptions(recovery=True))
    assert Change.from_json((out / "change.json").read_text()).recovery == found
    page = (out / "report.html").read_text("utf-8")
    assert found.words in page and "decides nothing" in page
    assert compare(list(dates)).change.recovery is None


def test_a_damaged_store_names_its_folder_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = read_folder(monkeypatch, tmp_path)
    (folder / "anatomy.nii.gz").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"first: anatomy\.nii\.gz is not what resorb wrote"):
        compare([folder, folder])


def test_another_lowest_disc_of_a_label_map_has_to_be_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = read_folder(monkeypatch, tmp_path)
    with pytest.raises(UsageError, match="--lowest-disc L4/L5 and its label map"):
        compare([folder, folder], options=CompareOptions(lowest_disc=(Level("L4", "L5"),)))
