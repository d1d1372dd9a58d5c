"""Every command of the documentation is one that the command line takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

import pytest

from resorb import cli, pipeline, synthesis
from resorb.clinic.files import parse_course, read_course
from resorb.clinic.review import Review, review
from resorb.fhir.leftovers import Reason
from resorb.simulation import files
from resorb.simulation.spec import CaseSpec
from resorb.simulation.truth import StudyTruth
from tests import steps

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NO_TRUTH = StudyTruth(grid_mm=0.5, levels=())
MODULES = re.compile(r"python -m (benchmarks\.\w+)")


def _commands(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("command", sorted({c for page in PAGES for c in _commands(page)}))
def test_every_command_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "python":
        assert arguments[0] == "-m" and (ROOT / f"{arguments[1].replace('.', '/')}.py").is_file()
    else:
        assert program == "resorb"
        monkeypatch.chdir(tmp_path)
        steps.stand_in(monkeypatch)
        monkeypatch.setattr(
            synthesis, "write_case", lambda _folder, case, **_: tuple(NO_TRUTH for _ in case.dates)
        )
        study = steps.write_study(tmp_path / "patient_T2w.nii.gz")
        listing = pipeline.info(study)
        monkeypatch.setattr(pipeline, "info", lambda _path, *, series=None: listing)
        (tmp_path / "my-limits.toml").write_text("displaced_depth = 4.0\n")
        (tmp_path / "labels.nii.gz").write_bytes(b"mask")
        (tmp_path / "anatomy.nii.gz").write_bytes(b"mask")
        (tmp_path / "examples").symlink_to(ROOT / "examples")
        (tmp_path / "patient.yaml").write_text((ROOT / "examples" / "model_case.yaml").read_text("utf-8"))
        assert cli.run(arguments) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_the_page_on_reading_names_every_option_and_exit_code() -> None:
    page = (ROOT / "docs" / "read.md").read_text(encoding="utf-8")
    masks = (ROOT / "docs" / "masks.md").read_text(encoding="utf-8")
    for option in ("--series", "--lowest-disc", "--limits", "--strict", "--overwrite", "--quiet", "--debug"):
        assert option in page
    for option in ("--mask", "--scheme"):
        assert option in masks
    for code in (0, 1, 2, 3, 4, 5, 6, 130):
        assert f"| {code} |" in page


def test_the_page_on_reading_explains_every_flag() -> None:
    page = (ROOT / "docs" / "read.md").read_text(encoding="utf-8")
    source = (ROOT / "src" / "resorb" / "measurement" / "discs.py").read_text(encoding="utf-8")
    flags = set(re.findall(r'flags\.append\("(\w+)"\)', source)) | {"unmeasurable"}
    assert len(flags) > 3
    for flag in flags:
        assert f"| `{flag}` |" in page


def test_the_case_on_the_page_on_simulating_is_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "simulate.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "case.toml").write_text(block, encoding="utf-8")
    assert len(CaseSpec.from_toml(tmp_path / "case.toml").dates) == 2


def test_the_page_on_simulating_names_every_file() -> None:
    page = (ROOT / "docs" / "simulate.md").read_text(encoding="utf-8")
    for name in (files.TRUTH_FILE, files.GEOMETRY_FILE, files.FINE_FILE, files.DEFORMATION_FILE):
        assert f"`{name}`" in page


def test_the_record_on_the_page_on_the_course_is_consistent_and_points_to_s1() -> None:
    page = (ROOT / "docs" / "course.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    result = review(parse_course(block, "course.md"))
    assert not result.contradictions and not result.red_flags
    assert [one.words for visit in result.visits for one in visit.opinions] == ["S1"]
    assert [one.verdict for one in result.comparisons] == ["agree"]


def test_the_code_on_the_page_on_the_course_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "course.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    said = capsys.readouterr().out
    assert "2024-01-10 left L5" in said and "2024-01-15 agree" in said
    assert Review.model_validate_json((tmp_path / "review.json").read_text("utf-8")).visits


def test_the_page_on_the_course_names_every_part_of_a_review() -> None:
    page = (ROOT / "docs" / "course.md").read_text(encoding="utf-8")
    for part in set(Review.model_fields) - {"kind", "schema_version", "statement", "warnings"}:
        assert f"| `{part}` |" in page


def test_the_code_on_the_page_on_fhir_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "fhir.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    said = capsys.readouterr().out
    assert "R4B 3 visits" in said and "patient.pseudonym withheld" in said
    assert len(read_course(tmp_path / "course.yaml").course.treatments) == 3


def test_the_page_on_fhir_explains_every_reason_of_a_leftover() -> None:
    page = (ROOT / "docs" / "fhir.md").read_text(encoding="utf-8")
    for reason in get_args(Reason):
        assert f"| `{reason}` |" in page
