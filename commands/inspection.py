"""na64 inspect: what is in a file, by its structure."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, tell
from na64.commands.visible_output import complain

if TYPE_CHECKING:
    from na64.datasets.reading.proposal import Fit
    from na64.datasets.reading.stored import RunFile

_MOST_PROBLEMS = 12


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "Show what is in files: trees, branches, types, number of events, which layout fits; no values."
    parser = add_command(verbs, "inspect", _inspect, text)
    parser.add_argument("paths", nargs="+", metavar="FILE", help="ROOT or Parquet, a path or an URL")
    layout = "compare with this layout only: a name or a TOML file; default: all packaged ones"
    parser.add_argument("--layout", metavar="L", help=layout)
    proposal = "write the layout that is proposed for the first file that none fits or reads as a whole"
    parser.add_argument("--to", type=Path, metavar="FILE.toml", help=proposal)


def _inspect(options: argparse.Namespace) -> int:
    from na64.datasets.reading.layout import LAYOUTS, load_layout

    known = [load_layout(name) for name in ([options.layout] if options.layout else LAYOUTS)]
    if options.to and options.to.exists():
        raise FileExistsError(17, "is there already", str(options.to))
    found = [_one(path, known) for path in options.paths]
    readable = [fit for fit in found if fit is not None]
    if lacking := [fit for fit in readable if fit.problems]:
        _propose(lacking[0], options.to)
    elif options.to and (more := [fit for fit in readable if fit.unread]):
        _propose(more[0], options.to)
    elif options.to:
        complain(f"na64: {options.to}: is not written, as no file has a branch that its layout does not read")
    return SUCCESS if len(readable) == len(found) else INCOMPLETE


def _one(path: str, known: list[Any]) -> Fit | None:
    """Show a file; how the nearest layout fits it, None if it cannot be read."""
    from na64.datasets.basics.error_line import error_line
    from na64.datasets.reading.files import open_file
    from na64.datasets.reading.proposal import fits
    from na64.datasets.reading.stored import BadFileError

    try:
        with open_file(path) as file:
            found = fits(file, known)
            tell(_structure(path, file))
            tell(_of_fits(found))
            return found[0] if found else None
    except (BadFileError, OSError) as error:
        complain(f"na64: {path}: {error_line(error).removeprefix(f'{path}: ')}")
        return None


def _structure(path: str, file: RunFile) -> Iterator[str]:
    yield path
    for name in file.trees():
        tree = file.tree(name)
        names = tree.names()
        called = f'tree "{name}"' if name else "table"
        yield f"  {called}, {tree.format}: {tree.entries:,} events, {len(names)} branches"
        longest = max(map(len, names), default=0)
        for branch in names:
            stored = tree.stored(branch)
            yield f"    {branch:{longest}}  {stored.text if stored else 'unknown'}"


def _of_fits(found: list[Fit]) -> Iterator[str]:
    if not found:
        yield "  no tree"
        return
    best = found[0]
    if not best.problems:
        yield f"  is of layout {best.layout.name}"
        if best.unread:
            yield f"  not read: {', '.join(best.unread)}; --to writes a layout with a line for each number"
        return
    yield (
        f"  of no layout; nearest is {best.layout.name}: {best.n_found} of {best.n_columns} columns are there"
    )
    yield from (f"    {problem}" for problem in best.problems[:_MOST_PROBLEMS])
    if len(best.problems) > _MOST_PROBLEMS:
        yield f"    and {len(best.problems) - _MOST_PROBLEMS} more"


def _propose(found: Fit, to: Path | None) -> None:
    from na64.datasets.basics.atomic_file import write_bytes
    from na64.datasets.reading.proposal import propose

    text = propose(found, to.stem if to else "mine")
    if to:
        write_bytes(to, text.encode())
        print(f"proposed layout: {to}")
    else:
        tell(["", *text.splitlines()])
