"""What every command is made with: how it is declared, its exit codes, and its lines."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from na64.commands.overview import EXAMPLES, GROUPS

SUCCESS, INCOMPLETE, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done, an incomplete result or a failed check, bad usage or input, Ctrl-C."""


class HelpFormatter(argparse.HelpFormatter):
    """Help whose examples keep their lines, and whose commands stand by task."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)

    def _format_action(self, action: argparse.Action) -> str:
        if not isinstance(action, argparse._SubParsersAction):
            return super()._format_action(action)
        shown = super()._format_action
        texts = {each.dest: shown(each) for each in self._iter_indented_subactions(action)}
        listed = [name for names in GROUPS.values() for name in names]
        groups = {**GROUPS, "others": tuple(name for name in texts if name not in listed)}
        parts = [
            f"\n  {task}:\n{''.join(texts[name] for name in names if name in texts)}"
            for task, names in groups.items()
            if any(name in texts for name in names)
        ]
        return "".join(parts)


def add_command(
    verbs: Any,
    name: str,
    verb: Callable[[argparse.Namespace], int],
    text: str,
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
    examples = EXAMPLES.get(name, ())
    shown = "\n".join((f"example{'s' * (len(examples) > 1)}:", *(f"  {line}" for line in examples)))
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=text, epilog=shown if examples else None, formatter_class=HelpFormatter
    )
    parser.set_defaults(verb=verb)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def add_reason(parser: argparse.ArgumentParser) -> None:
    """Declare the option that lets files in which do not say what they are of."""
    reason = "why a file is right that is of another result, was edited, or does not say what it is of"
    parser.add_argument("--reason", default="", metavar="TEXT", help=reason)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare the option that prints one JSON object in place of lines."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")


def print_json(value: Mapping[str, Any]) -> None:
    """Print an object as JSON, a value a line."""
    tell(json.dumps(value, indent=2, allow_nan=False).splitlines())


def add_fit_options(parser: argparse.ArgumentParser) -> None:
    """Declare where sidebands are fitted and with what, as `na64.outputs.background` does."""
    end = "end of fits in E_ECAL; default: below the turn-on of the trigger, which is measured"
    parser.add_argument("--end", type=number, metavar="GEV", help=end)
    start = "begin of fits in E_ECAL; default: the edge of the guard band"
    parser.add_argument("--start", type=number, metavar="GEV", help=start)
    parser.add_argument("--hcal-start", type=number, metavar="GEV", help="the same in E_HCAL")
    slope = "assume that each sideband goes into the box with a single slope: smaller errors, if it is true"
    parser.add_argument("--one-slope", action="store_true", help=slope)
    stop = "end of fits in E_HCAL; default: %(default)s"
    parser.add_argument("--hcal-stop", type=number, default=20.0, metavar="GEV", help=stop)


def packaged(folder: str, *apart: str) -> str:
    """Names of the TOML files of a folder of the package, but for those that are something else."""
    paths = (Path(__file__).parents[1] / folder).glob("*.toml")
    return ", ".join(sorted({path.stem for path in paths} - {*apart}))


def positive(text: str) -> int:
    """Read a positive whole number."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return int(text)


def number(text: str) -> float:
    """Read a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number')
    return value


def seed(text: str) -> int:
    """Read a seed of random numbers: a whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 on")
    return int(text)


def any_text(text: str) -> str:
    """Take a text that may be empty, where that has a meaning of its own."""
    return text


def names(text: str) -> list[str]:
    """Read names with commas between."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f'"{text}" has an empty name between its commas')
    return found


def refused(option: str, value: object, why: str) -> ValueError:
    """Error that names an option, its value, and what to do instead."""
    values = value if isinstance(value, list) else [] if value is True else [value]
    words = (f"{one:g}" if isinstance(one, float) else str(one) for one in values)
    return ValueError(f"{' '.join(('--' + option.replace('_', '-'), *words))}: {why}")


def tell(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        print(line)
