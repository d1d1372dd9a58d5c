"""The command line: one thin command per verb, one line per error, and the exit codes.

Heavy modules are imported inside the commands, so that `resorb --help` is instant.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resorb import __version__
from resorb.errors import ResorbError, UsageError

if TYPE_CHECKING:
    from resorb.timepoint import Timepoint

RESEARCH = "Research use only; not a medical device."

app = typer.Typer(
    name="resorb",
    help="Follow a herniated lumbar disc from one MRI to the next.\n\n" + RESEARCH,
    epilog="Start with `resorb demo -o demo`, then `resorb info STUDY` and `resorb read STUDY -o DIR`.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="NIfTI file, DICOM folder or zip of a DICOM folder.")
]
OutputPath = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Folder to make. It appears whole, or not at all when anything fails.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace DIR, if resorb made it and nobody added to it.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def main() -> None:
    """Run the command line with the arguments of the process, and exit."""
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code, errors having been printed as one line on stderr."""
    # Looked up before parsing, so that it also holds for what goes wrong in parsing.
    debug = "--debug" in arguments
    try:
        code = app(list(arguments), prog_name="resorb", standalone_mode=False)
    except typer.TyperException as error:
        return _fail(
            f"{error.format_message()} (`resorb --help` lists what there is)", error.exit_code, debug
        )
    except ResorbError as error:
        return _fail(str(error), error.exit_code, debug)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing was written", 130, debug)
    except MemoryError:
        return _fail("out of memory; close other programs, or use a machine with more memory", 1, debug)
    except Exception as error:
        # Its text may quote the input, so only its kind is named.
        kind = type(error).__name__
        return _fail(
            f"unexpected {kind}; this is a fault of resorb: run with --debug and report it", 1, debug
        )
    if code == 130:
        return _fail("interrupted; nothing was written", 130, debug)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print("resorb:", " ".join(message.split()), file=sys.stderr)
    return code


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"resorb {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _resorb(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def info(
    study: StudyPath,
    series: Annotated[
        int | None, typer.Option(metavar="N", help="Show what would be used if series N were asked for.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
    debug: Debug = False,
) -> None:
    """Say what is in a study, which series would be used, and why. Nothing is written.

    **Examples**

    `resorb info patient.nii.gz`

    `resorb info dicom-folder --json`
    """
    from resorb import pipeline, terminal

    listing = pipeline.info(study, series=series)
    if json_:
        print(json.dumps(terminal.listing_record(listing), indent=2))
    else:
        terminal.show_listing(listing)
    if listing.refusal is not None:
        raise listing.refusal


@app.command()
def read(
    study: StudyPath,
    output: OutputPath,
    series: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Measure series N (see `resorb info`), not the one that would be chosen."
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Use this label map (NIfTI), made elsewhere, not the embedded model."
        ),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="S",
            help="How the label map is numbered: resorb, spider, spineps, totalspineseg, totalsegmentator.",
        ),
    ] = None,
    lowest_disc: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="Name of the lowest disc in the image, e.g. L5/S1, where the count is wrong.",
        ),
    ] = None,
    limits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file that overrides thresholds (docs/read.md).")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse, with exit code 5, when anything is in doubt.")
    ] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find the levels of one lumbar MRI, measure each disc, and write a report.

    DIR will hold report.html, figure.png, figure.svg, levels.csv, reading.json, anatomy.nii.gz with
    anatomy.tsv, displaced.nii.gz, run.json, and anatomy_axial-N.nii.gz for axial stacks.

    **Examples**

    `resorb read patient.nii.gz -o patient`

    `resorb read dicom-folder -o patient --series 4 --strict`

    `resorb read patient.nii.gz -o patient --mask labels.nii.gz --scheme spineps`

    **Exit codes**: 0 done; 1 our fault; 2 wrong usage; 3 input unreadable or invalid; 4 not lumbar T2 MRI;
    5 refused under --strict; 6 cannot write; 130 interrupted.
    """
    from resorb import pipeline, terminal
    from resorb.anatomy import Level

    options = pipeline.Options(
        series=series,
        mask=mask,
        scheme=scheme,
        lowest_disc=Level.parse(lowest_disc) if lowest_disc is not None else None,
        limits=limits,
        strict=strict,
    )
    with terminal.progress_bar(quiet) as progress:
        timepoint = pipeline.read(study, output, options, overwrite=overwrite, progress=progress)
    if not quiet:
        _print_reading(timepoint, output)


@app.command()
def course(
    record: Annotated[
        Path,
        typer.Argument(metavar="RECORD", help="The course of one patient, YAML or JSON (docs/course.md)."),
    ],
    output: OutputPath,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Set a patient's course beside the images: red flags, time line, roots, outlook, in one report.

    DIR will hold report.html, timeline.png, timeline.svg, letter.txt, course.json and run.json.

    **Example**

    `resorb course patient.yaml -o patient-course`

    **Exit codes**: 0 done, whatever was found; 1 our fault; 2 wrong usage; 3 record or reading unreadable or
    invalid; 6 cannot write; 130 interrupted.
    """
    from resorb import joined, terminal

    with terminal.progress_bar(quiet) as progress:
        report = joined.course(record, output, overwrite=overwrite, progress=progress)
    if not quiet:
        terminal.show_course(report)
        terminal.say(f"Report: {output / joined.REPORT_FILE}")
        terminal.say(RESEARCH)


@app.command()
def demo(
    output: OutputPath, overwrite: Overwrite = False, quiet: Quiet = False, debug: Debug = False
) -> None:
    """Simulate the model case, read its first study, and print the truth beside what was measured.

    The simulated patient is written to DIR/study, and read as any other; the clinical course goes to DIR/course.

    **Example**

    `resorb demo -o demo`
    """
    from resorb import pipeline, terminal

    with terminal.progress_bar(quiet) as progress:
        timepoint, truth = pipeline.demo(output, overwrite=overwrite, progress=progress)
    if not quiet:
        _print_reading(timepoint, output)
        terminal.show(terminal.truth_table(timepoint.reading, truth))
        terminal.say(f"Course: {output / pipeline.COURSE_FOLDER / 'report.html'}")


@app.command()
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


def _print_reading(timepoint: Timepoint, output: Path) -> None:
    from resorb import terminal

    terminal.show(terminal.level_table(timepoint.reading))
    for doubt in (*timepoint.reading.doubts, *timepoint.reading.warnings):
        terminal.say(f"Note: {doubt}")
    terminal.say(f"Report: {output / 'report.html'}")
    terminal.say(RESEARCH)
