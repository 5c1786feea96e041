"""na64 init: files to start from."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command

_LIKE = {"selection": "invisible_2023", "layout": "tout2023", "period": "2023A"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "Write a commented selection, layout or period to start from; it loads as it stands."
    parser = add_command(verbs, "init", _init, text)
    parser.add_argument("kind", choices=tuple(_LIKE), help="what it is to be")
    parser.add_argument("name", metavar="NAME", help="of the new one")
    like = f"packaged one to begin with; default: {', '.join(_LIKE.values())}"
    parser.add_argument("--like", metavar="NAME", help=like)
    place = "default: NAME.toml, of a period periods/NAME.toml"
    parser.add_argument("--to", type=Path, metavar="FILE.toml", help=place)


def _init(options: argparse.Namespace) -> int:
    from na64.datasets.basics.atomic_file import write_bytes

    name, kind = options.name, options.kind
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name}: a name has up to 64 letters, digits, _ and -, begins with one of the first two"
        )
    write, known = _writer(kind)
    if name in known:
        raise ValueError(f"{kind} {name} is packaged: choose another name; --like {name} begins with it")
    path: Path = options.to or Path("periods" if kind == "period" else ".") / f"{name}.toml"
    if path.suffix != ".toml":
        raise ValueError(f"{path}: expected a name that ends in .toml")
    if kind == "period" and path.stem != name:
        raise ValueError(f"{path}: the file of period {name} is called {name}.toml")
    if path.exists():
        raise FileExistsError(17, "is there already", str(path))
    write_bytes(path, write(name, options.like or _LIKE[kind]).encode())
    print(f"{kind} {name}: {path}")
    return SUCCESS


def _writer(kind: str) -> tuple[Callable[[str, str], str], tuple[str, ...]]:
    """What writes the text, and names that are taken."""
    if kind == "selection":
        from na64.selections.own_selection import selection_text
        from na64.selections.selection import SELECTIONS

        return selection_text, SELECTIONS
    if kind == "layout":
        from na64.datasets.reading.layout import LAYOUTS
        from na64.datasets.reading.own_layout import layout_text

        return layout_text, LAYOUTS
    from na64.datasets.conditions.own_period import period_text
    from na64.datasets.conditions.periods import packaged_periods

    return period_text, tuple(packaged_periods())
