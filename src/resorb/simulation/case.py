"""One simulated patient: the spine, what left its discs, and every date it was scanned on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import resources

from resorb.errors import UsageError
from resorb.simulation.course import Pose, evolve, lie
from resorb.simulation.herniation import displace, fill, press
from resorb.simulation.phantom import Displaced, Phantom
from resorb.simulation.scanner import Scan, acquire
from resorb.simulation.scanner import fill as protocol
from resorb.simulation.spec import CaseSpec, ChangeSpec, DateSpec, HerniationSpec, ScannerSpec
from resorb.simulation.spine import make_spine
from resorb.simulation.truth import StudyTruth, truth_of

PITCH_MM = 0.5
USUAL_SERIES = (ScannerSpec(),)

#: Called with what is being done and the fraction of the whole that is done, in [0, 1].
Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class SimulatedDate:
    """One study and its truth.

    Attributes:
        phantom: the body of that date, what is displaced included.
        pose: how it lay.
        scans: one per series.
    """

    spec: DateSpec
    phantom: Phantom
    pose: Pose
    scans: tuple[Scan, ...]
    truth: StudyTruth


def model_case() -> CaseSpec:
    """The case that resorb is modelled on, of two dates."""
    with resources.as_file(resources.files("resorb.simulation") / "cases" / "model.toml") as path:
        return CaseSpec.from_toml(path)


def simulate(
    case: CaseSpec, *, pitch_mm: float = PITCH_MM, progress: Progress | None = None
) -> Iterator[SimulatedDate]:
    """Make a patient's studies, date by date; the same case gives the same voxels.

    Args:
        pitch_mm: of the fine grid. Truth is as exact as the grid is fine.

    Raises:
        UsageError: what is asked for is impossible; the message names the limit.
    """
    say = progress or (lambda _name, _fraction: None)
    say("Growing a spine", 0.0)
    spine = make_spine(case.spine, pitch_mm=pitch_mm)
    for scanner in (one for entry in case.dates for one in entry.series or ()):
        protocol(scanner, spine)  # what no scanner can do is refused before anything is scanned
    first = 0.4
    there: list[Displaced | None] = []
    series: tuple[ScannerSpec, ...] = USUAL_SERIES
    for number, entry in enumerate(case.dates):
        begin, width = first + (1 - first) * number / len(case.dates), (1 - first) / len(case.dates)
        say("Displacing", begin)
        for change in entry.changes:
            there[change.herniation - 1] = _changed(spine, there[change.herniation - 1], change, case)
        for spec in (*(case.herniations if number == 0 else ()), *entry.new):
            there.append(_displaced(spine, spec, case, there))
        phantom = press(spine, tuple(one for one in there if one is not None))
        pose = lie(phantom, entry.pose, case.seed * 1000 + number)
        series = series if entry.series is None else entry.series
        scans = []
        for n, scanner in enumerate(series):
            say("Scanning", begin + width * (0.2 + 0.6 * n / len(series)))
            scans.append(acquire(phantom, pose, scanner, case.seed * 1000 + 20 * number + n))
        say("Measuring the truth", begin + 0.8 * width)
        truth = truth_of(phantom, pose, signal=scans[0].signals.at if scans else None)
        yield SimulatedDate(entry, phantom, pose, tuple(scans), truth)
    say("Simulated", 1.0)


def _displaced(
    spine: Phantom, spec: HerniationSpec, case: CaseSpec, there: list[Displaced | None]
) -> Displaced | None:
    """The herniation after those that are there; None where it does not fit and the case goes without it."""
    seed = case.seed + len(there)
    if spec.level not in spine.levels:
        names = ", ".join(str(level) for level in spine.levels)
        raise UsageError(f"{spec.level} cannot herniate: the simulated spine has {names}")
    try:
        beside = tuple(one for one in there if one is not None)
        made = displace(spine, fill(spec, spine, seed), seed, beside=beside)
        return replace(made, number=len(there) + 1)
    except UsageError:
        if case.misfits == "refuse":
            raise
        return None


def _changed(
    spine: Phantom, before: Displaced | None, change: ChangeSpec, case: CaseSpec
) -> Displaced | None:
    """What became of a herniation; None where nothing is left, or was."""
    try:
        if before is None:
            raise UsageError(f"herniation {change.herniation} is gone, and cannot change any more")
        return evolve(spine, before, change)
    except UsageError:
        if case.misfits == "refuse":
            raise
        return before
