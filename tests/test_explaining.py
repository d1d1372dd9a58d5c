from __future__ import annotations

import json
from pathlib import Path

import pytest

from resorb import cli, explaining
from resorb.change import Change
from resorb.errors import InputError, OutputError
from resorb.mechanism import MechanismRecord
from resorb.reading import Quantity
from tests.mechanism.cases import change


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    (tmp_path / "change").mkdir()
    path = tmp_path / "change" / "change.json"
    path.write_text(change(dates=2).to_json(), encoding="utf-8")
    return path


def test_the_folder_is_whole(stored: Path, tmp_path: Path) -> None:
    record = explaining.mechanism(stored.parent, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"report.html", "mechanism.json", "mechanism.png", "mechanism.svg", "run.json"}
    assert MechanismRecord.from_json((tmp_path / "out/mechanism.json").read_text("utf-8")) == record
    run = json.loads((tmp_path / "out/run.json").read_text("utf-8"))
    assert set(run["files"]) == names - {"run.json"}
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert "Research use only" in page and "exploratory" in page and "Two dates only" in page
    with pytest.raises(OutputError, match="exists already"):
        explaining.mechanism(stored, tmp_path / "out")


def test_the_command_prints_what_cannot_be_told_first(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["mechanism", str(stored)]) == 0
    said = capsys.readouterr().out
    assert said.index("Two dates only") < said.index("Probability that each takes part")
    assert "not recovery" in said and "not a medical device" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["change"]


def test_what_is_no_change_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        explaining.mechanism(tmp_path / "missing.json")
    (tmp_path / "reading.json").write_text('{"kind": "reading"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"reading\.json: .* not a resorb change; give the change\.json"):
        explaining.mechanism(tmp_path / "reading.json")


def test_the_section_of_a_change_report_is_folded_and_marked_exploratory() -> None:
    (section,) = explaining.change_sections(change(dates=2))
    html = section.html()
    assert "exploratory" in section.title.lower() and "Exploratory, for research" in html
    assert html.index("<details>") < html.index("Two dates only") < html.index("</details>")
    assert "<details open" not in html and "data:image/svg+xml" in html


def _single(given: Change) -> Change:
    """Without a volume on the later date."""
    (track,) = given.tracks
    volumes = (track.quantities["volume_mm3"][0], Quantity(value=None, reason="cropped"))
    left = track.model_copy(update={"quantities": {**track.quantities, "volume_mm3": volumes}})
    return given.model_copy(update={"tracks": (left,)})


@pytest.mark.parametrize(
    "given",
    [_single(change(dates=2)), change(history="operated"), change().model_copy(update={"tracks": ()})],
    ids=["one volume", "operated", "no herniation"],
)
def test_a_change_that_cannot_be_fitted_has_no_such_section(given: Change) -> None:
    assert explaining.change_sections(given) == ()
