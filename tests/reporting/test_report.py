from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from PIL import Image

from resorb.reporting import report
from tests.reporting import spine

FILES = {"report.html", "figure.png", "figure.svg", "levels.csv"}


def test_the_same_timepoint_gives_the_same_bytes(tmp_path: Path) -> None:
    told: list[float] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        report(spine.timepoint(), tmp_path / name, progress=lambda _what, fraction: told.append(fraction))
    assert {path.name for path in (tmp_path / "one").iterdir()} == FILES
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert told == sorted(told[: len(told) // 2]) * 2
    assert told[-1] == 1.0


def test_the_figure_is_for_print_and_carries_no_metadata(tmp_path: Path) -> None:
    report(spine.timepoint(), tmp_path)
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width > 1500
        assert set(image.info) <= {"dpi"}
        assert np.asarray(image.convert("L")).std() > 30
    svg = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "<metadata" not in svg
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not name.endswith("href") or value.startswith(("#", "data:image/png;base64,"))


def test_matplotlib_waits_until_something_is_drawn() -> None:
    code = "import sys, resorb.reporting; sys.exit('matplotlib' in sys.modules or 'jinja2' in sys.modules)"
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=path).returncode == 0
