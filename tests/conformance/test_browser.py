"""The report as a real browser shows it, opened from disk: complete, visible, and at peace with its own policy."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import resorb
from resorb.simulation.files import date_folder, write_case
from resorb.simulation.spec import CaseSpec

pytestmark = pytest.mark.conformance

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEVELS = ("T11/T12", "T12/L1", "L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
#: How the browser marks what a page says on its console, policy violations included.
CONSOLE = ":CONSOLE"


@pytest.fixture(scope="module")
def browser() -> str:
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")


@pytest.fixture(scope="module")
def page(first_date: CaseSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the synthetic study, read with its true labels."""
    folder = tmp_path_factory.mktemp("report")
    write_case(folder, first_date)
    made = folder / date_folder(first_date, 0)
    options = resorb.Options(mask=made / "sagittal_dseg.nii.gz", scheme="resorb")
    resorb.read(made / "sagittal_T2w.nii.gz", folder / "out", options)
    return folder / "out" / "report.html"


def opened(browser: str, page: Path, profile: Path, *arguments: str) -> tuple[str, list[str]]:
    """What a headless browser with a fresh profile prints for a page, and what the page said on the console."""
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0", "--window-size=1200,2400"]
    # No proxy and no display: nothing around the browser takes part.
    environment = {k: v for k, v in os.environ.items() if not k.upper().endswith(("_PROXY", "DISPLAY"))}
    done = subprocess.run(
        [*command, *arguments, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if CONSOLE in line]


def test_the_browser_shows_every_level_and_has_nothing_to_complain_of(
    browser: str, page: Path, tmp_path: Path
) -> None:
    dom, said = opened(browser, page, tmp_path / "profile", "--dump-dom")
    assert said == []
    assert "</html>" in dom and "Research use only" in dom
    for level in LEVELS:
        assert level in dom
    assert dom.count("data:image/png;base64,") >= len(LEVELS)


def test_the_page_is_not_blank(browser: str, page: Path, tmp_path: Path) -> None:
    shot = tmp_path / "page.png"
    _, said = opened(browser, page, tmp_path / "profile", f"--screenshot={shot}", "--hide-scrollbars")
    assert said == []
    with Image.open(shot) as image:
        grey = np.asarray(image.convert("L"), np.float64)
    assert grey.shape[1] == 1200
    # Text and pictures reach down the page: each fifth of it has marks, and it holds the greys of an MRI.
    for part in np.array_split(grey, 5):
        assert part.std() > 5
    assert len(np.unique(grey)) > 100


def test_a_breach_of_the_policy_would_be_heard(browser: str, page: Path, tmp_path: Path) -> None:
    """The same page, with one picture from elsewhere: the browser blocks it, and says so where we listen."""
    broken = tmp_path / "broken.html"
    text = page.read_text(encoding="utf-8")
    broken.write_text(text.replace("<header>", '<header><img src="https://example.invalid/x.png" alt="">'))
    _, said = opened(browser, broken, tmp_path / "profile", "--dump-dom")
    assert any("Content Security Policy" in line for line in said)
