"""What XRootD says when it does not give a file, in words of ours."""

from __future__ import annotations

import re
from typing import NamedTuple


class Reason(NamedTuple):
    """Why a file was not given.

    Attributes
    ----------
    text : str
    is_passing : bool
        Asking again may help.
    is_missing : bool
        There is no such file.
    """

    text: str
    is_passing: bool
    is_missing: bool = False


_MISSING = 3011
"""Code of the server for a file that is not there."""


_SERVER = {  # XProtocol.hh, XErrorCode
    3003: ("the file is locked", True),
    3005: ("the file system of the server failed", True),
    3007: ("the disk of the server failed", True),
    3008: ("the server has no memory left", True),
    3010: ("permission denied", False),
    _MISSING: ("no such file", False),
    3012: ("the server failed", True),
    3014: ("no server has the file at the moment", True),
    3015: ("is not a file", False),
    3016: ("is a directory, not a file", False),
    3019: ("its checksum on the server is wrong", False),
    3020: ("the server is still at it", True),
    3024: ("the server is overloaded", True),
    3028: ("the server wants an encrypted connection (roots://)", False),
    3029: ("the server has no replica of it", False),
    3030: ("authentication failed", False),
}
_CLIENT = {  # XrdClStatus.hh, as it writes them
    "auth failed": ("authentication failed", False),
    "connection error": ("connection refused", True),
    "socket timeout": ("no answer in time", True),
    "operation expired": ("no answer in time", True),
    "operation interrupted": ("connection closed in the middle", True),
    "socket disconnected": ("connection closed in the middle", True),
    "socket error": ("connection closed in the middle", True),
    "stream disconnect": ("connection closed in the middle", True),
    "invalid address": ("its host is not known", False),
    "redirect limit has been reached": ("redirected too often", False),
    "data corruption": ("the connection garbled what the server gave", True),
    "tls error": ("no encrypted connection", False),
}
_ANSWER = re.compile(r"\[(?P<code>3\d{3})\]")
_STATUS = re.compile(r"\[(?:ERROR|FATAL)\] ?(?P<text>[^:.\[]*)")


def reason_of(text: str) -> Reason | None:
    """Find the reason in a message of the XRootD client; None if it is none of those."""
    status = _STATUS.search(text)
    if status is None:
        return None
    answer = _ANSWER.search(text)
    if answer is not None:
        code = int(answer["code"])
        said, is_passing = _SERVER.get(code, ("the server refuses", False))
        return Reason(f"{said} (XRootD {code})", is_passing, is_missing=code == _MISSING)
    found = _CLIENT.get(status["text"].strip().lower())
    return None if found is None else Reason(*found)
