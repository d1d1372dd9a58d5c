"""Every command of the documentation is one that the command line takes."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest

from resorb import cli, comparing, pipeline, synthesis
from resorb.change import Outcome
from resorb.cli.compare import BETWEEN
from resorb.cli.compare import compare as compare_command
from resorb.clinic.files import parse_course, read_course
from resorb.clinic.review import Review, review
from resorb.fhir import to_bundle
from resorb.fhir.leftovers import Reason
from resorb.limits import load_limits
from resorb.reader import LevelWord
from resorb.simulation import files
from resorb.simulation.spec import CaseSpec
from resorb.simulation.truth import StudyTruth
from tests import steps
from tests.mechanism import cases as mechanism_cases

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NO_TRUTH = StudyTruth(grid_mm=0.5, levels=())
MODULES = re.compile(r"python -m (benchmarks\.\w+)")


def _commands(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def _reader_file() -> str:
    """The reader's file that the page on masks shows."""
    found = re.search(
        r"```yaml\n(kind: reader.*?)```", (ROOT / "docs" / "masks.md").read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    return found[1]


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
        steps.stand_in_comparison(monkeypatch)
        monkeypatch.setattr(
            synthesis, "write_case", lambda _folder, case, **_: tuple(NO_TRUTH for _ in case.dates)
        )
        study = steps.write_study(tmp_path / "patient_T2w.nii.gz")
        listing = pipeline.info(study)
        monkeypatch.setattr(pipeline, "info", lambda _path, *, series=None: listing)
        (tmp_path / "my-limits.toml").write_text("displaced_depth = 4.0\n")
        (tmp_path / "reader.yaml").write_text(_reader_file())
        (tmp_path / "labels.nii.gz").write_bytes(b"mask")
        (tmp_path / "anatomy.nii.gz").write_bytes(b"mask")
        (tmp_path / "examples").symlink_to(ROOT / "examples")
        model = ROOT / "examples" / "model_case.yaml"
        if arguments[0] == "mechanism":
            (tmp_path / "change").mkdir()
            change = mechanism_cases.change(dates=2)
            (tmp_path / "change" / "change.json").write_text(change.to_json(), "utf-8")
        (tmp_path / "patient.yaml").write_text(model.read_text("utf-8"))
        (tmp_path / "received.json").write_text(to_bundle(read_course(model).course).to_json())
        assert cli.run(arguments) == 0


def test_the_page_on_limits_holds_every_limit_as_it_is() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+)\S*(?: \S+)? \| (yes|no) \| (.*) \|$", page, re.MULTILINE)
    shown = {name: (float(value), verified == "yes", meaning) for name, value, verified, meaning in rows}
    entries = load_limits().entries
    assert shown.keys() == entries.keys()
    for name, (value, verified, meaning) in shown.items():
        assert value == float(f"{entries[name].value:.4g}")
        assert (verified, meaning) == (entries[name].verified, entries[name].meaning)


def test_the_page_on_masks_names_every_key_of_a_readers_file() -> None:
    page = (ROOT / "docs" / "masks.md").read_text(encoding="utf-8")
    for key in LevelWord.model_fields:
        assert f"`{key}`" in page


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
    for option in ("--mask", "--scheme", "--reader"):
        assert option in masks
    for code in (0, 1, 2, 3, 4, 5, 6, 130):
        assert f"| {code} |" in page


def test_the_page_on_comparing_names_every_option_and_file() -> None:
    page = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
    for parameter in inspect.signature(compare_command).parameters.values():
        option = parameter.annotation
        if parameter.name not in ("studies", "output", "quiet", "debug"):
            assert (
                f"`--{'date' if parameter.name == 'dates' else parameter.name.replace('_', '-')}`" in page
            ), option
    for name in ("report.html", "report.pdf", "figure.png", "figure.svg", "figure-plain.png", "course.png"):
        assert f"`{name}`" in page
    for name in (
        comparing.CHANGE_FILE,
        "change.csv",
        "letter.txt",
        "run.json",
        f"{comparing.DATES_FOLDER}/1",
    ):
        assert f"`{name}`" in page
    for value in get_args(Outcome):
        assert value in page
    for said in BETWEEN:
        assert f"`{said}`" in page


def test_the_code_on_the_page_on_comparing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    steps.stand_in(monkeypatch)
    steps.stand_in_comparison(monkeypatch)
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    assert "True" in capsys.readouterr().out
    assert (tmp_path / "change" / "change.json").is_file()


def test_the_page_on_reading_explains_every_flag() -> None:
    page = (ROOT / "docs" / "read.md").read_text(encoding="utf-8")
    modules = (ROOT / "src" / "resorb" / "measurement").glob("*.py")
    source = "".join(module.read_text(encoding="utf-8") for module in modules)
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


def test_the_code_on_the_page_on_mechanisms_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "mechanism.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(block, {})
    said = capsys.readouterr().out
    assert "degradation: 0." in said and "in 18 months" in said
    assert "not recovery" in said and "because by then the" in said
