"""`resorb course`: the whole folder or nothing, red flags first, every clause traced, nothing from elsewhere."""

from __future__ import annotations

import html
import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.course import reading, write_long_course
from resorb import cli, joined
from resorb.clinic.report.record import CourseReport
from resorb.errors import InputError
from resorb.reading import RESEARCH_USE
from resorb.reporting.findings import findings
from tests.clinic.compared import change
from tests.reporting.test_page import Tags
from tests.reporting.test_pdf import sheets

MODEL = Path(__file__).parents[1] / "examples" / "model_case.yaml"
FILES = {
    "report.html",
    "report.pdf",
    "timeline.png",
    "timeline.svg",
    "letter.txt",
    "course.json",
    "run.json",
}
IMAGED = date(2024, 3, 25)
HOSTILE = '<script>alert("x")</script><img src="https://example.org/x.png">'
RECORD = f"""
onset: {{date: 2024-03-01}}
visits:
  - date: 2024-03-20
    symptoms: {{bladder: retention, saddle_sensation: reduced}}
    examination:
      strength: [{{movement: great_toe_extension, side: left, mrc: 4}}]
treatments:
  - {{kind: medicine, drug_class: other, drug: '{HOSTILE}', start: 2024-03-02}}
studies:
  - {{date: 2024-03-25, reading: stored, note: '{HOSTILE}'}}
  - {{date: 2024-06-25, path: nowhere.nii.gz}}
"""
Captured = pytest.CaptureFixture[str]


def letters(text: str) -> str:
    """Without spaces and hyphens, which the end of a line adds."""
    return re.sub(r"[\W_]+", "", text)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with two cauda equina signs, a stored reading with its figure, and a study that is not there."""
    folder = tmp_path_factory.mktemp("record")
    stored = folder / "stored"
    stored.mkdir()
    (stored / "reading.json").write_text(reading(IMAGED, 700).to_json())
    Image.fromarray(np.full((400, 500), 90, np.uint8)).save(stored / "figure.png")
    path = folder / "record.yaml"
    path.write_text(RECORD, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(record: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("course") / "out"
    joined.course(record, output)
    return output


@pytest.fixture(scope="module")
def page(made: Path) -> str:
    return (made / "report.html").read_text(encoding="utf-8")


def test_every_file_is_there_and_the_run_names_them_without_the_input(made: Path, record: Path) -> None:
    assert {path.name for path in made.iterdir()} == FILES
    run = json.loads((made / "run.json").read_text())
    assert set(run["files"]) == FILES - {"run.json"}
    assert len(run["readings_sha256"]) == 1
    assert str(record.parent) not in "".join(
        (made / name).read_text("utf-8") for name in FILES if not name.endswith(("png", "pdf"))
    )


def test_nothing_is_fetched_and_nothing_runs(page: str) -> None:
    tags = Tags(page)
    assert tags.open == []
    for tag, attributes in tags.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"src", "href", "xlink:href", "action", "srcset"}:
                assert value is not None and value.startswith(("data:image/", "#"))
    assert tags.text.count(HOSTILE) == 2
    assert "@import" not in page and all(
        link.startswith("#hatch") for link in re.findall(r"url\(([^)]*)\)", page)
    )


def test_the_figure_in_the_page_needs_nothing_from_elsewhere(made: Path) -> None:
    svg = (made / "timeline.svg").read_text("utf-8")
    links = re.findall(r'(?:href|src)="([^"]*)"', svg)
    assert links and all(link.startswith(("#", "data:image/png;base64,")) for link in links)


def test_red_flags_come_before_everything_else_in_every_output(made: Path, page: str, record: Path) -> None:
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", page)
    assert headings == [
        "Red flags",
        "The course in words",
        "Time line",
        "Images",
        "Roots: findings against images",
        "Outlook: what cohorts say",
        "Scores",
        "Treatments",
        "What each clause rests on",
        "Contradictions and warnings",
        "Limits",
    ]
    text = Tags(page).text
    assert text.index("Same-day emergency") < text.index("The course in words")
    assert (made / "letter.txt").read_text("utf-8").startswith("RED FLAG. Same-day emergency")
    assert list(json.loads((made / "course.json").read_text("utf-8"))["review"])[3] == "red_flags"


def test_the_terminal_shows_red_flags_first(record: Path, tmp_path: Path, capsys: Captured) -> None:
    assert cli.run(["course", str(record), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith("RED FLAG  Same-day emergency: ")
    assert "bladder: retention" in lines[0] and "saddle sensation reduced" in lines[0]
    assert lines[-1] == "Research use only; not a medical device."
    assert str(tmp_path / "out" / "report.html") in said.out and not said.err
    assert any("not compared" in line for line in lines)
    assert any("images are not where the record says" in line for line in lines)


def test_the_pdf_says_what_the_page_says_red_flags_first(made: Path, page: str) -> None:
    found = sheets(made / "report.pdf")
    whole = " ".join(found)
    assert all(RESEARCH_USE in sheet for sheet in found)
    titles = [title.split(":")[0] for title in re.findall(r"<h2[^>]*>([^<]*)</h2>", page)]
    places = [whole.index(title, whole.index("Red flags") if title != "Red flags" else 0) for title in titles]
    assert places == sorted(places)
    assert "Same-day emergency" in found[0] and HOSTILE in whole
    body = html.unescape(page[page.index("<main>") :])
    texts = [letters(text) for text in re.findall(r">([^<>]+)<", body)]
    missing = [text for text in texts if text not in letters(whole)]
    assert len(missing) < len(found), (
        "a text may be parted by the end of a sheet, and nothing else is missing"
    )


def test_without_typst_all_but_the_pdf_is_written_and_it_is_named(
    record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(joined, "pdf_available", lambda: False)
    assert cli.run(["course", str(record), "-o", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES - {"report.pdf"}
    assert "package typst is missing" in capsys.readouterr().out


def test_a_comparison_that_is_not_there_is_an_error_that_names_it(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "record.yaml").write_text("onset: {date: 2024-03-01}\nchanges: [gone]\n")
    assert cli.run(["course", str(tmp_path / "record.yaml"), "-o", str(tmp_path / "out")]) == 3
    assert "resorb compare" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_every_footnote_leads_to_its_entry(page: str) -> None:
    tags = Tags(page)
    ids = [a["id"] for _, a in tags.tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = {a["href"] for tag, a in tags.tags if tag == "a"}
    assert links <= {f"#{name}" for name in ids}
    entries = {f"#{name}" for name in ids if name and name.startswith("datum-")}
    assert entries and entries <= links
    assert re.search(r'title="2024-03-20: great toe extension, left: MRC 4 \(visits 1, [^"]*\)"', page)
    assert "line 7 of the record" in page


def test_the_reading_is_quoted_in_its_own_words_and_research_use_is_said(page: str) -> None:
    (quoted,) = findings(reading(IMAGED, 700)).main
    text = Tags(page).text
    assert quoted in text and RESEARCH_USE in text and "SYNTHETIC" in text
    assert "does not tell who has recovered" in text


def test_the_record_reads_back_and_a_newer_one_is_refused(made: Path) -> None:
    text = (made / "course.json").read_text("utf-8")
    report = CourseReport.from_json(text)
    assert report.to_json() == text
    assert {flag.id for flag in report.review.red_flags} == {"bladder", "saddle"}
    newer = json.loads(text) | {"schema_version": 2}
    with pytest.raises(InputError, match="update resorb"):
        CourseReport.from_json(json.dumps(newer))


def test_the_same_record_gives_the_same_bytes(record: Path, made: Path, tmp_path: Path) -> None:
    joined.course(record, tmp_path / "out")
    for name in FILES - {"run.json"}:
        assert (tmp_path / "out" / name).read_bytes() == (made / name).read_bytes()


def test_the_model_case_runs_without_its_images(tmp_path: Path, capsys: Captured) -> None:
    assert cli.run(["course", str(MODEL), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    text = Tags((tmp_path / "out" / "report.html").read_text("utf-8")).text
    assert "left leg pain is gone" in text and "weakness of grade 4 remains" in text
    assert "findings and images agree" in text and "SYNTHETIC" not in text


def test_images_are_shown_around_the_level_where_it_is_known(tmp_path: Path) -> None:
    record = write_long_course(tmp_path, 2, 2)
    report = joined.course(record, tmp_path / "out")
    assert report.notes == ()
    svg = (tmp_path / "out" / "timeline.svg").read_text("utf-8")
    assert svg.count("data:image/png;base64,") == 2


def test_the_course_of_the_demo_names_its_scans_and_runs_again(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    write_long_course(folder, 1, 2)
    (folder / "0.json").rename(folder / "reading.json")
    (folder / "change.json").write_text(change().to_json())
    report = joined.write_model_course(
        folder / "course",
        [folder / f"{n}_T2w.nii.gz" for n in (0, 1)],
        ["../reading.json", "../1.json"],
        ("../change.json",),
    )
    assert report.synthetic and report.notes == ()
    assert [study.path for study in report.course.studies] == ["../0_T2w.nii.gz", "../1_T2w.nii.gz"]
    assert report.story.text.startswith("The herniation at L4/L5 left has regressed (812 mm³ on 2024-01-15; ")
    again = joined.course(folder / "course" / "record.yaml", tmp_path / "again")
    assert again.review == report.review


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("onset: {date: 2024-03-01}\nnonsense: 1\n", 3, "line 2: unknown key"),
        ("onset: {date: 2024-03-01}\nstudies: [{date: 2024-03-02, reading: gone}]\n", 3, "resorb read"),
        ("a: [", 3, "not valid YAML"),
        (None, 3, "cannot be read"),
    ],
)
def test_a_bad_record_is_one_line_and_writes_nothing(
    text: str | None, code: int, said: str, tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "record.yaml"
    if text is not None:
        path.write_text(text)
    assert cli.run(["course", str(path), "-o", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_replaced_only_when_asked(
    record: Path, tmp_path: Path, capsys: Captured
) -> None:
    out = str(tmp_path / "out")
    assert cli.run(["course", str(MODEL), "-o", out, "-q"]) == 0
    assert cli.run(["course", str(MODEL), "-o", out, "-q"]) == 6
    assert "--overwrite" in capsys.readouterr().err
    assert cli.run(["course", str(MODEL), "-o", out, "-q", "--overwrite"]) == 0


def test_a_reading_is_not_written_over(record: Path, capsys: Captured) -> None:
    stored = record.parent / "stored"
    (stored / "run.json").write_text('{"kind": "run", "files": ["reading.json", "figure.png"]}')
    assert cli.run(["course", str(record), "-o", str(stored), "--overwrite"]) == 6
    assert "input" in capsys.readouterr().err
    assert (stored / "reading.json").exists()
    (stored / "run.json").unlink()
