"""na64 bundle and na64 reproduce: results that are kept, and made again."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command

if TYPE_CHECKING:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.preservation.reproduction import Unpacked


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    text = "Keep a result and all that it was made of, but the run files, in one zip file (an RO-Crate)."
    parser = add_command(verbs, "bundle", _bundle, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.zip", help="where to write it")
    opened = "take along what an opened box held; the bundle says so"
    parser.add_argument("--opened", action="store_true", help=opened)
    terms = "how the bundle may be used, words or a URL; default: not stated"
    parser.add_argument("--license", default="", metavar="TEXT", help=terms)
    text = "Check a bundle and the run files, make the result again, and compare it byte for byte."
    parser = add_command(verbs, "reproduce", _reproduce, text)
    parser.add_argument("bundle", type=Path, metavar="FILE.zip", help="made by na64 bundle")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="run files, under any names")
    parser.add_argument("--to", type=Path, metavar="OUT", help="keep what is made in this new folder")
    here = "use the program and packages that are installed, and say which differ from those of the bundle"
    parser.add_argument("--here", action="store_true", help=here)


def _bundle(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.preservation.bundling import bundle

    bundle(options.folder, to=options.to, opened=options.opened, terms=options.license, tell=print)
    return SUCCESS


def _reproduce(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.preservation.reproduction import (
        differences,
        n_products,
        place_data,
        unpack,
        what_differs,
    )

    with _working_folder(options.to) as folder, Terminal() as terminal:
        found = unpack(options.bundle, folder)
        terminal.tell(f"bundle: every file is as it was written; {found.status}")
        n_files = place_data(found, options.data, terminal.progress("data", "files", at_end=False))
        terminal.tell(f"data: {n_files} files, each with the sha256 of the catalogue")
        for line in what_differs(found, here=options.here):
            terminal.note(f"reproduce: {line}")
        code = _make_again(found, terminal, options)
        if code not in (SUCCESS, INCOMPLETE):
            raise RuntimeError(f"na64 process ended with exit code {code}: nothing was compared")
        lines = list(differences(found))
        for line in lines:
            terminal.tell(f"different: {line}")
        if not lines:
            terminal.tell(f"same: all {n_products(found)} products are byte for byte those of the bundle")
    return INCOMPLETE if lines else SUCCESS


def _make_again(found: Unpacked, terminal: Terminal, options: argparse.Namespace) -> int:
    """Exit code of na64 process, of this program or of that of the bundle in an environment of its own."""
    if options.here:
        with _without_own_periods():
            code: int = options.program(found.arguments)
        return code
    from na64.outputs.analysis.preservation.environment import make_environment, run_program

    terminal.tell("environment: the packages of the bundle are installed, which may take minutes")
    sys.stdout.flush()
    python = make_environment(found.folder / "environment", lock=found.lock, wheel=found.wheel)
    return run_program(python, found.arguments)


@contextmanager
def _without_own_periods() -> Iterator[None]:
    """Let periods be those of the bundle, whatever folder the environment names."""
    from na64.datasets.conditions.period_folder import FOLDER_VARIABLE

    named = os.environ.pop(FOLDER_VARIABLE, None)
    try:
        yield
    finally:
        if named is not None:
            os.environ[FOLDER_VARIABLE] = named


@contextmanager
def _working_folder(to: Path | None) -> Iterator[Path]:
    """Yield the folder that was asked for, or one that is removed at the end."""
    if to is not None:
        yield to
        return
    with tempfile.TemporaryDirectory(prefix="na64-reproduce-") as place:
        yield Path(place)
