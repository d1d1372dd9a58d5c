"""The command line: one module per verb, one line per error, and the exit codes.

Heavy modules are imported inside the commands, so that `resorb --help` is instant.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from resorb import __version__
from resorb.cli import compare, course, demo, fhir, info, limits, mechanism, read, simulate
from resorb.cli.printing import RESEARCH
from resorb.errors import ResorbError

app = typer.Typer(
    name="resorb",
    help="Follow a herniated lumbar disc from one MRI to the next.\n\n" + RESEARCH,
    epilog="Start with `resorb demo -o demo`, then `resorb read STUDY -o DIR` and `resorb compare STUDY STUDY -o DIR`.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line with the arguments of the process, and exit."""
    # Asked to end, it clears away what it has begun, as when interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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


# One line per verb, in the order of the help.
app.command()(info.info)
app.command()(read.read)
app.command()(compare.compare)
app.command()(course.course)
app.add_typer(fhir.fhir, name="fhir")
app.command()(mechanism.mechanism)
app.command()(demo.demo)
app.command()(simulate.simulate)
app.command()(limits.limits)
