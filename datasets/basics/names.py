"""Names that files give to cuts, features, detectors and the like."""

from __future__ import annotations

import re

from na64.datasets.basics.toml import TomlTable

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def read_name(table: TomlTable) -> str:
    """Name of a table that is safe as part of a file, column or histogram name.

    Raises
    ------
    KeyError, ValueError
        There is none, or one with other characters; names the file and the key.
    """
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f'{table.place("name")}: "{name}" is not a letter and up to 39 letters, digits and underscores,'
            " all lower case"
        )
    return name
