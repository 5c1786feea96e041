"""What answers of HTTP say of the bytes in them: which of the file they are, and of which file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_VERSIONS = ("ETag", "Last-Modified")


class OtherBytesError(Exception):
    """An answer with other bytes of the file than were asked for."""


class OtherVersionError(Exception):
    """An answer out of another file than the answers before."""


class Versions:
    """What a server has said of a file so far: its tag, and when it was changed."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def check(self, headers: Mapping[str, str]) -> None:
        """Compare an answer with those before.

        Raises
        ------
        OtherVersionError
        """
        for name in _VERSIONS:
            stated = headers.get(name)
            if stated and self._known.setdefault(name, stated) != stated:
                raise OtherVersionError(f"{name} of the server is not what it was: the file has changed")


class CheckedSession:
    """A client of HTTP that compares each answer with what was asked for, which fsspec does not.

    Parameters
    ----------
    session : aiohttp.ClientSession
    size : int
        Bytes of the file.
    versions : Versions
        Of the file.
    """

    def __init__(self, session: Any, size: int, versions: Versions) -> None:
        self._session = session
        self._size = size
        self._versions = versions

    async def get(self, url: Any, **options: Any) -> Any:
        """Ask for some bytes."""
        answer = await self._session.get(url, **options)
        try:
            if answer.status == 206:
                self._check_range(answer.headers, options["headers"]["Range"])
            if answer.status < 300:
                self._versions.check(answer.headers)
        except Exception:
            answer.close()
            raise
        return answer

    def _check_range(self, headers: Mapping[str, str], wanted: str) -> None:
        asked, given = _RANGE.match(wanted), _CONTENT_RANGE.match(headers.get("Content-Range", ""))
        if asked is None or given is None:
            return
        if given[3] not in ("*", str(self._size)):
            raise OtherVersionError(
                f"{given[3]} bytes on the server, {self._size} before: the file has changed"
            )
        if given[1] != asked[1] or int(given[2]) > int(asked[2]):
            raise OtherBytesError(
                f"the server gave bytes {given[1]} to {given[2]}, asked for {asked[1]} to {asked[2]}"
            )
