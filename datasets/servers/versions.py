"""Versions of files on servers: what a storage states of a file that is something else for other content."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from na64.datasets.servers.patience import Patience
from na64.datasets.servers.remote import ask
from na64.datasets.servers.storages import open_storage

_TAGS = ("etag", "generation", "md5hash")
_TIMES = ("lastmodified", "mtime", "modified", "updated", "created")
"""What storages of fsspec state of a file, without the signs and capitals that they write it with.

The times of XRootD and of HTTP are whole seconds.
"""

_WEAK = "W/"
"""How a tag of HTTP begins that is the same for other bytes (RFC 9110, 8.8.1)."""

_SETTLED = 10.0
"""Seconds after which a file that changes has another time, by clocks that need not agree well."""

_FRESH = "; seen when it had just changed"


def version_of(url: str, patience: Patience | None = None) -> str:
    """Version of a file on a server; empty if its storage states none.

    Parameters
    ----------
    url : str
        With whatever it needs to be let in.
    patience : Patience, optional
        How a server is asked.

    Raises
    ------
    na64.datasets.servers.remote.RemoteError
    """

    def stated() -> Mapping[str, Any]:
        filesystem, path = open_storage(url)
        filesystem.invalidate_cache()
        found: Mapping[str, Any] = filesystem.info(path)
        return found

    return _text(ask(stated, patience or Patience()))


def version_to_keep(version: str, now: float | None = None) -> str:
    """Version of content that was read just now, for a catalogue.

    A file that changes twice within a second has the same time after both, so a version with a time that is
    not yet over is kept so that no later one is equal to it.

    Parameters
    ----------
    version : str
        As `version_of` gives it.
    now : float, optional
        Seconds since 1970; by default those of this machine.
    """
    seconds = [_seconds(part.partition(": ")[2]) for part in version.split("; ")]
    latest = (time.time() if now is None else now) - _SETTLED
    return version + _FRESH if any(one is not None and one > latest for one in seconds) else version


def _text(info: Mapping[str, Any]) -> str:
    return "; ".join(f"{key}: {text}" for key, text in sorted(_stated(info)))


def _stated(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in info.items():
        name = key.lower().replace("-", "").replace("_", "")
        text = value.isoformat() if isinstance(value, datetime) else str(value or "")
        if name in (*_TAGS, *_TIMES) and text and not text.startswith(_WEAK):
            yield name, text.replace(";", ",")


def _seconds(text: str) -> float | None:
    """Seconds since 1970 of a number, a date of HTTP or one of ISO 8601; None if it is none of them."""
    with suppress(ValueError):
        return float(text)
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError):
            return read(text).timestamp()
    return None
