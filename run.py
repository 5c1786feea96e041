"""The na64 program: reads the command line and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from na64 import __version__
from na64.commands import (
    background,
    bench,
    blind,
    cluster,
    compare,
    data,
    demo,
    dimuon,
    events,
    physics,
    process,
    results,
    signal,
)
from na64.commands.terminal import steady_output
from na64.commands.verbs import INCOMPLETE, INTERRUPTED, USAGE
from na64.datasets.addresses import without_secrets

_LONGEST_LINE = 500

_COMMANDS = (
    demo,
    data,
    process,
    results,
    events,
    compare,
    background,
    dimuon,
    signal,
    physics,
    blind,
    cluster,
    bench,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The command line without the program's name; ``sys.argv`` by default.

    Returns
    -------
    int
        0 success, 1 incomplete result or failed check, 2 bad usage or input, 130 interrupted.
    """
    with steady_output() as out:
        code = _perform(list(sys.argv[1:] if argv is None else argv))
        out.flush()
        if out.fault is None:
            return code
        print(f"na64: standard output cannot be written: {out.fault.strerror}", file=sys.stderr)
        return code or INCOMPLETE


def _perform(command_line: list[str]) -> int:
    options = parser().parse_args(command_line)
    options.program = main
    options.command_line = command_line
    try:
        code: int = options.verb(options)
    except KeyboardInterrupt:
        print("na64: interrupted; what was finished is kept and the same command resumes", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, KeyError, OSError, RuntimeError) as problem:
        if options.debug:
            print(without_secrets(traceback.format_exc()), end="", file=sys.stderr)
        print(f"na64: {_line(problem)}", file=sys.stderr)
        return INCOMPLETE if isinstance(problem, RuntimeError) else USAGE
    except Exception as problem:  # a fault of ours, of which a user needs no more than a line
        if options.debug:
            print(without_secrets(traceback.format_exc()), end="", file=sys.stderr)
        kind = type(problem).__name__
        print(f"na64: {kind}: {_line(problem)}; a fault of na64, --debug says where", file=sys.stderr)
        return INCOMPLETE
    return code


def _line(problem: Exception) -> str:
    """One line for a person: a KeyError without its quotes, an OSError with its file first."""
    text = str(problem)
    if isinstance(problem, KeyError) and problem.args:
        text = str(problem.args[0])
    elif isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        text = f"{problem.filename}: {problem.strerror}"
    line = without_secrets(" ".join(text.split())) or type(problem).__name__
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


class _Parser(argparse.ArgumentParser):
    """A parser that does not quote secrets."""

    def error(self, message: str) -> NoReturn:
        """Say what was wrong with the command line, and exit."""
        super().error(without_secrets(message))


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    text = "Columnar event processing for NA64: run files to blind cut-flows, histograms and yields."
    after = "na64 COMMAND --help says more. The straight line: simulate, catalogue, process."
    program = _Parser(prog="na64", description=text, epilog=after)
    program.add_argument("--version", action="version", version=f"na64 {__version__}")
    verbs = program.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in _COMMANDS:
        module.add(verbs)
    return program


if __name__ == "__main__":
    sys.exit(main())
