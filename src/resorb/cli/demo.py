"""`resorb demo`: the model case, simulated, read and compared."""

from __future__ import annotations

from resorb.cli.compare import print_comparison
from resorb.cli.options import Debug, OutputPath, Overwrite, Quiet
from resorb.cli.printing import print_pdf, print_reading


def demo(
    output: OutputPath, overwrite: Overwrite = False, quiet: Quiet = False, debug: Debug = False
) -> None:
    """Simulate the model case, read both of its MRIs, compare them, and print the truth beside what was measured.

    DIR will hold study/, the simulated patient as DICOM; first/ and second/, its two MRIs read as any other; change/,
    their comparison; and course/, the clinical course beside them.

    **Example**

    `resorb demo -o demo`
    """
    from resorb import demonstration, terminal

    with terminal.progress_bar(quiet) as progress:
        shown = demonstration.demonstrate(output, overwrite=overwrite, progress=progress)
    if quiet:
        return
    for name, point, truth in zip(demonstration.READINGS, shown.readings, shown.truths, strict=True):
        print_reading(point, output / name)
        terminal.show(terminal.truth_table(point.reading, truth))
    print_comparison(shown.comparison, output / demonstration.CHANGE_FOLDER)
    terminal.show(terminal.change_truth_table(shown.comparison.change, shown.truths))
    terminal.say(f"Course: {output / demonstration.COURSE_FOLDER / 'report.html'}")
    print_pdf(output / demonstration.COURSE_FOLDER / "report.pdf")
