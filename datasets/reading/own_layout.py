"""A file to start a layout of one's own from: a packaged one under another name."""

from __future__ import annotations

import re

from na64.datasets.basics.toml import unknown
from na64.datasets.reading.layout import LAYOUTS, load_layout

_HEADER = """\
# Layout {name}, begun with {like}: na64 init layout. A layout says which branch of a tree is which column:
#   na64 catalogue PATH... --to CATALOGUE.json --layout {name}.toml
# It decides which events are hidden, so check every line. na64 inspect FILE shows the branches of a file and
# proposes a layout for it. Keys: layout.md. Names of branches and their units below are those of {like}.
"""


def layout_text(name: str, like: str) -> str:
    """Text of a layout that loads as it stands and reads what a packaged one reads.

    Parameters
    ----------
    name : str
    like : str
        A packaged layout.

    Raises
    ------
    KeyError
        There is no such packaged layout; names the nearest.
    """
    if like not in LAYOUTS:
        raise KeyError(f"--like: {unknown('layout', like, LAYOUTS)}")
    text = re.sub(r'^name = ".*"$', f'name = "{name}"', load_layout(like).text, count=1, flags=re.MULTILINE)
    return _HEADER.format(name=name, like=like) + text
