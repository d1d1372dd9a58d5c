"""Shared by all tests: the hypothesis profile, the synthetic study and the folder of real data."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from resorb.simulation.case import SimulatedDate, model_case, simulate
from resorb.simulation.spec import CaseSpec

# A shared machine may stall any single example: no deadline. CI repeats the same examples every time.
settings.register_profile("resorb", deadline=None, max_examples=40)
settings.register_profile(
    "ci", settings.get_profile("resorb"), derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "resorb")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With RESORB_REQUIRE_CONFORMANCE=1 a conformance test that skips, for want of the other tool, fails."""
    report = yield
    required = os.environ.get("RESORB_REQUIRE_CONFORMANCE") == "1"
    if required and report.skipped and item.get_closest_marker("conformance"):
        report.outcome = "failed"
        report.longrepr = f"required by RESORB_REQUIRE_CONFORMANCE, but skipped: {report.longreprtext}"
    return report


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of public MRI that RESORB_DATA names (default ../shared/data); skips where it is missing."""
    named = os.environ.get("RESORB_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "spider-t2space").is_dir():
        pytest.skip("no real data: RESORB_DATA names no folder with spider-t2space in it")
    return folder


@pytest.fixture(scope="session")
def first_date() -> CaseSpec:
    """The first date of the model case, scanned sagittally alone."""
    case = model_case()
    entry = case.dates[0].model_copy(update={"series": (case.dates[0].series or ())[:1]})
    return case.model_copy(update={"dates": (entry,)})


@pytest.fixture(scope="session")
def simulated(first_date: CaseSpec) -> SimulatedDate:
    """That date, simulated once; not to be changed."""
    return next(simulate(first_date))
