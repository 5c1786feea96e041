"""Storages behind URLs: what has to be installed for a protocol, and how its client is set."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
from functools import cache
from typing import Any

import fsspec

_EXTRAS = {"root": "xrootd"}
"""Extra of this package that a protocol needs."""

_XROOTD = {
    # Its client waits two minutes for a connection, half an hour after one was lost, and that in silence. How
    # often it is worth asking again is decided in `na64.datasets.servers.patience`.
    "XRD_CONNECTIONWINDOW": "5",
    "XRD_CONNECTIONRETRY": "2",
    "XRD_STREAMERRORWINDOW": "5",
    "XRD_REQUESTTIMEOUT": "30",
    "XRD_STREAMTIMEOUT": "30",
    "XRD_TIMEOUTRESOLUTION": "1",
}
"""Settings of the XRootD client in seconds, unless the environment has others; it reads them once."""


_XROOTD_ANSWER = 15
"""Seconds after which the client gives a request up: one that was lost with its server would never end."""


class NoReaderError(ValueError):
    """A protocol that cannot be read here: what is missing."""


def open_storage(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, as fsspec has them, and the path in it.

    Raises
    ------
    NoReaderError
        Nothing is installed for its protocol.
    """
    check_reader(url)
    options = {"timeout": _XROOTD_ANSWER} if protocol_of(url) == "root" else {}
    filesystem, path = fsspec.core.url_to_fs(url, **options)
    return filesystem, str(path)


def check_reader(url: str) -> None:
    """Refuse a URL for whose protocol nothing is installed.

    Raises
    ------
    NoReaderError
    """
    protocol = protocol_of(url)
    try:
        if protocol == "root":
            _prepare_xrootd()
        fsspec.get_filesystem_class(protocol)
    except ImportError:
        extra = _EXTRAS.get(protocol)
        needed = (
            f"the extra {extra}: pip install na64[{extra}]" if extra else "a package that is not installed"
        )
        raise NoReaderError(f"{protocol}:// needs {needed}") from None
    except ValueError:
        raise NoReaderError(f"{protocol}:// is no protocol that is known here") from None


@cache
def _prepare_xrootd() -> None:
    """Set the XRootD client before it is loaded, and let no file of it keep the interpreter from ending."""
    for name, value in _XROOTD.items():
        os.environ.setdefault(name, value)
    atexit.register(_close_files, importlib.import_module("XRootD.client.file").File)


def _close_files(kind: type[Any]) -> None:
    """Close what is still open, before the client does so and waits as long as the server likes."""
    for found in gc.get_objects():
        if type(found) is kind and found.is_open():
            found.close(timeout=1)


def protocol_of(url: str) -> str:
    """Return the protocol of a URL."""
    return url.partition("://")[0].lower()
