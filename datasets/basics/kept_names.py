"""Names of sources that an earlier program has made, kept on disk; whoever lacks them makes them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from na64.datasets.basics.atomic_file import written_whole
from na64.datasets.basics.cache_folders import private_folder

_MOST = 20_000
"""Names that are kept; of more the older half is forgotten."""


@cache
def kept_names(made_by: str) -> dict[str, str]:
    """Names by the sha256 of a source; none if nobody has kept any, or the file is damaged.

    Parameters
    ----------
    made_by : str
        Name of what makes them: those of another maker are not looked at.
    """
    place = _place(made_by)
    if place is not None:
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            content = json.loads(place.read_bytes())
            names: dict[str, str] = content["names"]
            if content["seal"] == _seal(names):
                return names
    return {}


def keep(made_by: str, names: Mapping[str, str]) -> None:
    """Keep names for the next program, where that is possible."""
    if len(names) > _MOST:
        names = dict(list(names.items())[-_MOST // 2 :])
    place = _place(made_by)
    if place is not None:
        with suppress(OSError), written_whole(place) as file:
            file.write(json.dumps({"seal": _seal(names), "names": names}).encode())


def _place(made_by: str) -> Path | None:
    folder = private_folder("sources")
    return None if folder is None else folder / f"{made_by}.json"


def _seal(names: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(list(names.items())).encode()).hexdigest()
