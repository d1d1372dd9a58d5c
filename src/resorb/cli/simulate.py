"""`resorb simulate`: synthetic MRI whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resorb.cli.options import Debug, OutputPath, Overwrite, Quiet
from resorb.errors import UsageError


def simulate(
    output: OutputPath,
    case: Annotated[
        str | None,
        typer.Option(
            metavar="CASE",
            help="`model`, the patient resorb is modelled on, or a TOML file (docs/simulate.md).",
        ),
    ] = None,
    random: Annotated[
        int | None, typer.Option(metavar="N", help="Make N random patients; started again, it goes on.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="S", min=0, help="Which random patients; 0 unless given.")
    ] = None,
    dicom: Annotated[bool, typer.Option("--dicom", help="Write the images as DICOM, not NIfTI.")] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make synthetic lumbar MRI whose truth is known, on one or more dates.

    DIR will hold a folder per date with the images, their labels, truth.json and, from the second date on,
    the exact deformation from the first; with --random, such a folder per patient and manifest.csv.

    **Examples**

    `resorb simulate --case model -o model`

    `resorb simulate --random 20 --seed 7 -o cases`
    """
    from resorb import synthesis, terminal
    from resorb.simulation.case import model_case
    from resorb.simulation.spec import CaseSpec

    if (case is None) == (random is None):
        raise UsageError("say what to simulate: --case model, --case FILE.toml or --random N, one of them")
    if random is None and seed is not None:
        raise UsageError("--seed belongs to --random; a case has its seed in its file")
    if random is not None:
        if overwrite or dicom:
            raise UsageError("--random goes on where it stopped, as NIfTI: leave out --overwrite and --dicom")
        with terminal.progress_bar(quiet) as progress:
            made = synthesis.simulate_many(random, seed or 0, output, progress=progress)
        if not quiet:
            terminal.say(f"{made} made, {random} there: {output / synthesis.MANIFEST_FILE}")
        return
    spec = model_case() if case == "model" else CaseSpec.from_toml(Path(str(case)))
    if dicom:
        spec = spec.model_copy(update={"format": "dicom"})
    with terminal.progress_bar(quiet) as progress:
        truths = synthesis.simulate_case(spec, output, overwrite=overwrite, progress=progress)
    if not quiet:
        for entry, truth in zip(spec.dates, truths, strict=True):
            terminal.show(terminal.simulated_table(f"{entry.date}", truth))
        terminal.say(f"Simulated studies: {output}")
