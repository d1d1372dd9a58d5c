"""The whole report of a change: every file, what stands first, and what may never be said."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resorb.change import Change
from resorb.reporting.change import report_change
from resorb.reporting.change.letter import letter
from resorb.reporting.pdf import pdf_available
from tests.reporting import spine
from tests.reporting.change import case

FILES = {
    "change.csv",
    "course.png",
    "course.svg",
    "figure-plain.png",
    "figure.png",
    "figure.svg",
    "letter.txt",
    "report.html",
}


def written(change: Change, folder: Path) -> Path:
    folder.mkdir()
    report_change(change, case.timepoints(), folder, same_day=case.SAME_DAY)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(case.change(alerts=(case.ALERT,)), tmp_path_factory.mktemp("report") / "out")


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8")


def test_every_file_is_written(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES | ({"report.pdf"} if pdf_available() else set())


def test_the_same_change_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = written(case.change(alerts=(case.ALERT,)), tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_what_must_not_wait_comes_first_then_the_finding_figure_table_error_and_limits(page: str) -> None:
    body = page[page.index("<main>") :]
    order = [
        case.ALERT,
        case.SAME_DAY,
        case.WORDS,
        "Before and after",
        "Measurements",
        "How sure this is",
        "Not assessed",
    ]
    places = [body.index(text) for text in order]
    assert places == sorted(places)


def test_what_the_errors_were_tabulated_from_is_said(page: str) -> None:
    words = html.unescape(page[page.index("How sure this is") :])
    assert f"repeat imaging: {case.ERRORS}." in words[: words.index("Not assessed")]


def test_no_alarm_where_nothing_is_severe(tmp_path: Path) -> None:
    page = (written(case.change(), tmp_path / "out") / "report.html").read_text("utf-8")
    assert 'role="alert"' not in page and case.SAME_DAY not in page


def test_nothing_is_fetched_nothing_runs_and_texts_of_files_stay_texts(page: str) -> None:
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)[^"']*""", page)
    assert not re.findall(r"<script|url\((?!['\"]?(?:data:|#))", page)
    assert spine.HOSTILE not in page and "&lt;script&gt;" in page


def test_links_and_labels_lead_somewhere(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', page)) <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


def test_every_date_can_be_flipped_to_in_the_same_place_without_a_script(page: str) -> None:
    inputs = re.findall(r'<input type="radio" name="([^"]+)-view"', page)
    assert len(inputs) == 4 and len(set(inputs)) == 1, "side by side, two dates, the difference"
    for n in (1, 2, 3):
        assert f".flip:has(.flip-{n}:checked) .panel:nth-child({n})" in page


def test_outlines_can_be_hidden_and_folded_parts_reached_by_keyboard(page: str) -> None:
    assert 'id="outlines"' in page and page.count('class="overlay"') >= 6
    assert page.count("<summary>") == 2
    assert page.count('class="scroll" tabindex="0"') >= 4


@pytest.mark.parametrize("history", ["none", "unknown", "injected", "operated", None])
def test_a_smaller_herniation_is_never_called_recovery(history: str | None, tmp_path: Path) -> None:
    change = case.change(history)  # type: ignore[arg-type]
    texts = [
        letter(change),
        re.sub(r"<[^>]+>", " ", (written(change, tmp_path / "out") / "report.html").read_text("utf-8")),
    ]
    for text in texts:
        for sentence in re.split(r"(?<=[.!?])\s", text):
            if re.search(r"recover", sentence, re.IGNORECASE):
                assert re.search(r"\bnot\b|nothing", sentence), sentence
        assert change.not_recovery in " ".join(text.split())
        if history != "none":
            assert "no change may be called spontaneous" in text


def test_the_letter_says_what_was_compared_found_and_left_out() -> None:
    text = letter(case.change(alerts=(case.ALERT,)))
    assert text.startswith(case.ALERT)
    for part in (
        case.WORDS,
        "2024-01-15, 2024-07-18, 6 months apart",
        "Not assessed: tumour",
        "Research use only",
    ):
        assert part in text
    assert text.count(case.WORDS) == 1 and "\n" not in text.strip()
    assert "dates are not known" in letter(
        case.change(
            dates=tuple(d.model_copy(update={"date": None, "days": None}) for d in case.change().dates)
        )
    )


def test_the_table_holds_the_numbers_of_the_change_with_units_in_its_headers(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "change.csv").read_text("utf-8").splitlines()))
    assert [row["what"] for row in rows] == ["herniation", "level", "level", "level"]
    first = rows[0]
    assert (first["identifier"], first["level"], first["side"], first["verdict"]) == (
        "5f3a",
        "L4/L5",
        "left",
        "regressed",
    )
    assert (first["first_date"], first["last_date"], first["days"]) == ("2024-01-15", "2024-07-18", "185")
    numbers = {
        "volume_mm3_first": 224.0,
        "volume_mm3_first_low": 204.0,
        "volume_mm3_last_high": 132.0,
        "volume_mm3_change": -112.0,
        "volume_mm3_change_share_low": -0.59,
        "volume_mm3_smallest_detectable": 40.0,
    }
    assert {name: float(first[name]) for name in numbers} == numbers
    assert first["volume_mm3_beyond_error"] == "yes"
    assert first["t2_ratio_last"] == "" and first["missing_because"] == "t2_ratio: CSF is clipped"


def test_the_figure_tells_lost_from_kept_without_colour(folder: Path) -> None:
    grey = np.asarray(Image.open(folder / "figure.png").convert("L"), float)
    plain = np.asarray(Image.open(folder / "figure-plain.png").convert("L"), float)
    assert grey.shape[1] > 1500 and plain.size < grey.size
    styles = (folder / "figure.svg").read_text("utf-8")
    assert styles.count("<pattern") >= 2, "hatches of different directions"


def test_a_change_without_frames_or_herniations_still_has_a_page(tmp_path: Path) -> None:
    change = case.change(tracks=(), sentence="No herniation was found on any date.")
    points = tuple(spine.timepoint(framed=False) for _ in range(2))
    folder = tmp_path / "out"
    folder.mkdir()
    report_change(change, points, folder, same_day=case.SAME_DAY)
    assert "No herniation was followed" in (folder / "report.html").read_text("utf-8")
    assert not (folder / "figure.png").exists()


def test_every_number_is_led_back_to_its_voxels(page: str) -> None:
    audit = page[page.index("Where every number comes from") :]
    assert audit.count("dates/1/displaced.nii.gz") >= 4 and "by construction" in audit
    assert "1" * 64 in audit and "2" * 64 in audit


def test_ten_dates_fit_in_bands(tmp_path: Path) -> None:
    first, last = case.timepoints()
    change = case.change()
    dates = tuple(
        change.dates[0].model_copy(update={"number": n, "days": 30.0 * n - 30}) for n in range(1, 11)
    )
    values = {"volume_mm3": tuple(case.known(224.0 - 12 * n) for n in range(10))}
    track = change.tracks[0].model_copy(
        update={"herniations": ((1,),) * 9 + ((),), "quantities": values, "events": ()}
    )
    levels = tuple(one.model_copy(update={"quantities": values}) for one in change.levels)
    ten = change.model_copy(update={"dates": dates, "levels": levels, "tracks": (track,)})
    folder = tmp_path / "out"
    folder.mkdir()
    report_change(ten, (first,) * 9 + (last,), folder, same_day=case.SAME_DAY)
    height, width = np.asarray(Image.open(folder / "figure.png")).shape[:2]
    assert width < 1900 and height > 1.5 * width
