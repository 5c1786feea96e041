"""The na64 program: reads the command line and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # the working folder: a signal.py or numpy.py in it is not what we mean

import argparse
import os
import traceback
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from na64 import __version__
from na64.commands import (
    background,
    beam,
    bench,
    blind,
    calibration,
    cluster,
    compare,
    compilation,
    completion,
    data,
    demo,
    dimuon,
    events,
    init,
    inspection,
    listings,
    physics,
    preservation,
    process,
    results,
    scan,
    searches,
    signal,
)
from na64.commands.terminal import steady_output
from na64.commands.verbs import INCOMPLETE, INTERRUPTED, USAGE, HelpFormatter, any_text
from na64.commands.visible_output import complain, visible_output
from na64.datasets.basics.addresses import without_secrets
from na64.datasets.basics.cache_folders import has_home, private_folder
from na64.datasets.basics.error_line import error_line, settings_of
from na64.datasets.basics.plain_text import is_utf8, visible

_TOLD = (ValueError, KeyError, OSError, RuntimeError, ImportError)

_COMMANDS = (
    demo,
    inspection,
    listings,
    init,
    data,
    calibration,
    process,
    results,
    events,
    compare,
    background,
    scan,
    dimuon,
    beam,
    signal,
    physics,
    searches,
    blind,
    preservation,
    cluster,
    compilation,
    completion,
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
    if argv is None:
        _leave_working_folder()
        _keep_fonts()
        _shorten_warnings()
    with steady_output() as out:
        code = _perform(list(sys.argv[1:] if argv is None else argv))
        out.flush()
        if out.fault is None:
            return code
        print(f"na64: standard output cannot be written: {out.fault.strerror}", file=sys.stderr)
        return code or INCOMPLETE


def _perform(command_line: list[str]) -> int:
    try:
        options = _parser_of_all_calls().parse_args(command_line)
    except EmptyArgumentError as problem:
        complain(f"na64: {error_line(problem)}")
        return USAGE
    options.program, options.parser = main, parser
    options.command_line = command_line
    try:
        with visible_output():
            _check_arguments(options)
            code: int = options.verb(options)
    except KeyboardInterrupt:
        complain("na64: interrupted; what was finished is kept and the same command resumes")
        return INTERRUPTED
    except Exception as problem:
        if options.debug:
            for line in without_secrets(traceback.format_exc()).splitlines():
                complain(line)
        if isinstance(problem, _TOLD) or settings_of(problem):
            complain(f"na64: {error_line(problem)}")
            return INCOMPLETE if isinstance(problem, RuntimeError) else USAGE
        kind = type(problem).__name__
        complain(f"na64: {kind}: {error_line(problem)}; a fault of na64, --debug says where")
        return INCOMPLETE
    return code


def _leave_working_folder() -> None:
    """Let no module of the working folder shadow another because ``PYTHONPATH`` has an empty part.

    Nor is there a window that a backend of matplotlib could be for.
    """
    parts = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if len(parts) > 1 and "" in parts:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, parts))
        here = {"", str(Path.cwd())} - set(filter(None, parts))
        sys.path[:] = [part for part in sys.path if part not in here]
    os.environ["MPLBACKEND"] = "agg"


def _keep_fonts() -> None:
    """Let matplotlib keep its list of fonts, which takes long to make, where no home can be written."""
    if "MPLCONFIGDIR" not in os.environ and not has_home() and (folder := private_folder("fonts")):
        os.environ["MPLCONFIGDIR"] = str(folder)


def _shorten_warnings() -> None:
    """Let warnings of other packages be lines; what numba says of its settings is not said by workers too."""

    def show(message: Warning | str, *_place: object, **_more: object) -> None:
        complain(f"warning: {without_secrets(str(message).strip().partition(chr(10))[0])}")

    warnings.showwarning = show
    chosen = os.environ.get("PYTHONWARNINGS")
    ignored = "ignore::RuntimeWarning:numba.core.config"
    os.environ["PYTHONWARNINGS"] = f"{chosen},{ignored}" if chosen else ignored


def _check_arguments(options: argparse.Namespace) -> None:
    """Refuse names in which no result could be written or named; a run file may have such a one."""
    allowed = {*getattr(options, "paths", ()), getattr(options, "accept", None)}
    for argument in options.command_line:
        if argument not in allowed and not is_utf8(argument):
            raise ValueError(f"{argument}: is not UTF-8")


class EmptyArgumentError(ValueError):
    """An argument without a letter in it, which would stand for this folder or for nothing."""


class _Parser(argparse.ArgumentParser):
    """A parser that shows arguments and does not obey them, and refuses empty ones."""

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        is_command = action.nargs in (argparse.PARSER, argparse.REMAINDER)
        for text in [] if is_command or action.type is any_text else arg_strings:
            if not text.strip():
                raise EmptyArgumentError(_said_of_empty(action, text))
        return super()._get_values(action, arg_strings)

    def error(self, message: str) -> NoReturn:
        is_unknown = message.startswith("unrecognized arguments: ")
        if is_unknown and any(word.partition("=")[0] == "--layout" for word in message.split()):
            message += "; a layout belongs to na64 catalogue, and its catalogue keeps it"
        super().error(visible(without_secrets(message)))


def _said_of_empty(action: argparse.Action, text: str) -> str:
    """What is wrong with an empty argument, and what is expected."""
    wanted = " or ".join(map(str, action.choices or ())) or str(action.metavar or action.dest)
    if not action.option_strings:
        return f'{wanted} "{text}": is empty'
    optional = "" if action.required else "; left out, its default counts"
    return f'{action.option_strings[-1]} "{text}": is empty, expected {wanted}{optional}'


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    text = "Columnar event processing for NA64: run files to blind cut-flows, histograms and yields."
    after = "na64 COMMAND --help says more. The straight line: simulate, catalogue, process."
    program = _Parser(prog="na64", description=text, epilog=after, formatter_class=HelpFormatter)
    program.add_argument("--version", action="version", version=f"na64 {__version__}")
    verbs = program.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in _COMMANDS:
        module.add(verbs)
    return program


@cache
def _parser_of_all_calls() -> argparse.ArgumentParser:
    """Parser that is made once: a demonstration and a notebook have many command lines."""
    return parser()


if __name__ == "__main__":
    sys.exit(main())
