"""Folders and globs on servers, listed as those of this machine are; fsspec does neither well for XRootD."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from na64.datasets.basics.addresses import file_name, public_url
from na64.datasets.servers.patience import Patience
from na64.datasets.servers.remote import RemoteError, ask
from na64.datasets.servers.storages import check_reader, open_storage

_XROOTD = re.compile(
    r"(?P<server>root://[^/]*)/+(?P<path>(?:[^?]|[?](?![\w.-]+=))*)(?P<query>.*)", re.IGNORECASE
)
_GLOB = re.compile(r"[*?[]")  # a question mark begins the query only if a name and "=" follow


def expand_url(
    url: str, patterns: Sequence[str], is_wanted: Callable[[str], bool], patience: Patience | None = None
) -> list[str]:
    """Find the run files behind a URL: a glob, a folder, or a file, which need not be there.

    Globs and folders are those of XRootD; HTTP has none.

    Parameters
    ----------
    url : str
    patterns : sequence of str
        Names of files that a folder stands for.
    is_wanted : callable
        Tells from its name whether a file that is listed is taken.
    patience : Patience, optional
        How a server is asked.

    Raises
    ------
    ValueError
        Nothing is there, a folder cannot be listed, or nothing is installed for the protocol.
    """
    check_reader(url)
    parts = _XROOTD.fullmatch(url)
    if parts is None:
        return [url]
    is_glob = _GLOB.search(parts["path"]) is not None
    if not is_glob and _is_named(parts["path"], patterns):
        return [url]
    place = public_url(f"{parts['server']}//") + parts["path"]
    find = _fitting if is_glob else _inside
    try:
        found = ask(lambda: find(open_storage(url)[0], parts["path"]), patience or Patience())
    except RemoteError as error:
        raise ValueError(f"{place}: cannot be listed: {error}") from None
    if found is None:
        return [url]
    files = [
        one for one in sorted(found) if is_wanted(file_name(one)) and (is_glob or _is_named(one, patterns))
    ]
    if not files:
        what = "no such file or folder" if is_glob else f"no {' or '.join(patterns)} in it"
        raise ValueError(f"{place}: {what}")
    return [f"{parts['server']}/{file}{parts['query']}" for file in files]


def _is_named(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _inside(filesystem: Any, path: str) -> list[str] | None:
    """List the files of a folder; None if it is a file."""
    folder = f"/{path.strip('/')}"
    if folder != "/" and filesystem.info(folder)["type"] != "directory":
        return None
    entries = _entries(filesystem, folder)
    return [place for place, is_folder in entries if not is_folder and not file_name(place).startswith(".")]


def _fitting(filesystem: Any, path: str) -> list[str]:
    """List what fits a glob; after its first part with a star every part is looked for."""
    names = [name for name in path.split("/") if name]
    first = next(number for number, name in enumerate(names) if _GLOB.search(name))
    folders = ["/" + "/".join(names[:first])]
    for number, name in enumerate(names[first:], start=first):
        is_last = number == len(names) - 1
        folders = [
            place
            for folder in folders
            for place, is_folder in _entries(filesystem, folder)
            if _fits(file_name(place), name) and is_folder is not is_last
        ]
    return folders


def _fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern as in a shell, where a star does not stand for a leading dot."""
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))


def _entries(filesystem: Any, folder: str) -> Iterator[tuple[str, bool]]:
    """Yield what a folder has as path, and whether it is a folder itself."""
    filesystem.dircache.clear()
    for entry in filesystem.ls(folder, detail=True):
        name = entry["name"].rpartition("/")[2]
        yield f"{folder.rstrip('/')}/{name}", entry["type"] == "directory"
