"""What every command is made with: how it is declared, its exit codes, and its lines."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

SUCCESS, INCOMPLETE, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done, an incomplete result or a failed check, bad usage or input, Ctrl-C."""


def add_command(
    verbs: Any, name: str, verb: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    """Declare a command.

    Parameters
    ----------
    verbs : subparsers of `argparse`
    name : str
    verb : callable
        What it does; takes the options and returns the exit code.
    text : str
        One sentence of help.
    """
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.set_defaults(verb=verb)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def add_reason(parser: argparse.ArgumentParser) -> None:
    """Declare the option that lets files in which do not say what they are of."""
    reason = "why a file is right that is of another result, was edited, or does not say what it is of"
    parser.add_argument("--reason", default="", metavar="TEXT", help=reason)


def positive(text: str) -> int:
    """Read a positive whole number."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return int(text)


def tell(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        print(line)
