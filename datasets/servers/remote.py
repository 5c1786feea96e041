"""Files on servers: bytes that come within a time or not at all, and what went wrong in one safe line.

Everything that a run file on a server is asked for goes through `RemoteFile`. What a server or a library says
is replaced by a reason of ours; it is of the connection, never of what is in the file.
"""

from __future__ import annotations

import errno
import io
import os
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, TypeVar

from na64.datasets.basics.addresses import file_name, without_secrets
from na64.datasets.servers.answers import CheckedSession, OtherBytesError, OtherVersionError, Versions
from na64.datasets.servers.patience import NoAnswerError, Patience
from na64.datasets.servers.storages import NoReaderError, open_storage, protocol_of
from na64.datasets.servers.xrootd_errors import reason_of

T = TypeVar("T")

_LEAST, _MOST = 1 << 16, 1 << 22
"""Bytes that are fetched at a time: few where reading jumps, more and more where it goes on."""

_PIECES = 8
_PASSING = {408, 425, 429}
_MISSING = {404, 410}
_LASTING = (errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR)
_LONGEST = 200


class RemoteError(OSError):
    """A server that does not give a file: why, in words that are safe to show."""


class PassingRemoteError(RemoteError):
    """The same, for a reason that may have gone when it is asked again."""


class MissingRemoteError(RemoteError):
    """The same, because there is no such file."""


class RemoteFile(io.RawIOBase):
    """The bytes of a file on a server.

    Parameters
    ----------
    url : str
        With whatever it needs to be let in.
    patience : Patience

    Raises
    ------
    RemoteError
        On opening and reading: after as many attempts as may help.
    """

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        super().__init__()
        self._url = url
        self._patience = patience or Patience()
        self._handle: Any = None
        self._pieces: list[tuple[int, bytes]] = []
        self._ahead = _LEAST
        self._position = 0
        self._versions = Versions()
        self.size = self._ask(self._open)

    def __repr__(self) -> str:
        return file_name(self._url)

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read from anywhere: always."""
        return True

    def tell(self) -> int:
        """Place of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes, or all that are left."""
        left = max(self.size - self._position, 0)
        n_bytes = left if size is None or size < 0 else min(size, left)
        data = self._bytes(self._position, self._position + n_bytes)
        self._position += n_bytes
        return data

    def _bytes(self, start: int, stop: int) -> bytes:
        if start == stop:
            return b""
        for begin, piece in self._pieces:
            if begin <= start and stop <= begin + len(piece):
                return piece[start - begin : stop - begin]
        last, piece = self._pieces[-1] if self._pieces else (0, b"")
        goes_on = last <= start <= last + len(piece)
        self._ahead = min(2 * self._ahead, _MOST) if goes_on else _LEAST
        end = min(max(stop, start + self._ahead), self.size)
        fetched = self._ask(lambda: self._fetch(start, end))
        self._pieces = [*self._pieces[1 - _PIECES :], (start, fetched)]
        return fetched[: stop - start]

    def close(self) -> None:
        """Let go of the file, without waiting for the server."""
        if not self.closed:
            handle, self._handle = self._handle, None
            _let_go(handle)
        super().close()

    def _ask(self, question: Callable[[], T]) -> T:
        return ask(question, self._patience)

    def _open(self) -> int:
        filesystem, path = open_storage(self._url)
        filesystem.invalidate_cache()
        self._handle = filesystem.open(path, "rb", cache_type="none")
        size = getattr(self._handle, "size", None)
        if size is None:
            size = filesystem.info(path).get("size")
        if size is None:
            raise RemoteError("the server does not say how large it is")
        if hasattr(self._handle, "async_fetch_range"):  # of HTTP
            self._handle.session = CheckedSession(self._handle.session, int(size), self._versions)
        return int(size)

    def _fetch(self, start: int, stop: int) -> bytes:
        if self._handle is None and (size := self._open()) != self.size:
            raise RemoteError(f"{size} bytes on the server, {self.size} before: the file has changed")
        handle, self._handle = self._handle, None  # one that has failed, or hangs, is not used again
        try:
            handle.seek(start)
            data: bytes = handle.read(stop - start)
        except ValueError:  # how fsspec says it
            _let_go(handle)
            raise RemoteError("the server gives files only as a whole, not parts of them") from None
        except BaseException:
            _let_go(handle)
            raise
        if len(data) != stop - start:
            raise PassingRemoteError(f"the server gave {len(data)} bytes of {stop - start}")
        self._handle = handle
        return data


def read_whole(url: str, patience: Patience) -> bytes:
    """Read a small file as a whole, which servers of HTTP without ranges can give too.

    Raises
    ------
    RemoteError
        One of its kinds, `MissingRemoteError`, if there is no such file.
    """
    if protocol_of(url) not in ("http", "https"):
        with RemoteFile(url, patience) as file:
            return file.read()

    def read() -> bytes:
        filesystem, path = open_storage(url)
        return bytes(filesystem.cat_file(path))

    return ask(read, patience)


def list_names(url: str, patience: Patience) -> list[str]:
    """List what is in a folder, by name.

    Raises
    ------
    RemoteError
        One of its kinds, `MissingRemoteError`, if there is no such folder.
    """

    def names() -> list[str]:
        filesystem, path = open_storage(url)
        filesystem.invalidate_cache()
        return [str(one).rstrip("/") for one in filesystem.ls(path, detail=False)]

    # A page of HTTP may give a name after the query of its folder.
    return sorted({one.rpartition("/")[2].partition("?")[0] for one in ask(names, patience)})


def _let_go(handle: Any) -> None:
    """Close what a library has opened, in a thread: some ask the server, which may not answer any more."""
    if handle is None or sys.is_finalizing():  # no thread can be started any more
        return

    def close() -> None:
        with suppress(Exception):
            handle.close()

    threading.Thread(target=close, daemon=True).start()


def ask(question: Callable[[], T], patience: Patience) -> T:
    """Ask a server with patience.

    Raises
    ------
    RemoteError
        There is no answer, or none that helps.
    """
    try:
        return patience.ask(lambda: _told(question), _may_help)
    except NoAnswerError as error:
        raise RemoteError(str(error)) from None


def _may_help(error: Exception) -> bool:
    return isinstance(error, PassingRemoteError)


def _told(question: Callable[[], T]) -> T:
    """Ask, and say in words of ours what goes wrong."""
    try:
        return question()
    except RemoteError:
        raise
    except Exception as error:  # what a protocol raises is its own affair
        raise explain(error) from None


def explain(error: BaseException) -> RemoteError:
    """Find the reason in what the library of a protocol has raised."""
    causes = list(_causes(error))
    for find in (
        _of_answer,
        _of_reader,
        _of_xrootd,
        _of_protocol,
        _of_status,
        _of_certificate,
        _of_time,
        _of_name,
        _of_connection,
        _of_system,
        _of_place,
    ):
        for cause in causes:
            if (found := find(cause)) is not None:
                return found
    return _of_text(causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from, the first of all last."""
    waiting: list[object] = [error]
    seen: list[object] = []
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and found not in seen:
            seen.append(found)
            yield found
            names = ("__cause__", "__context__", "os_error", "certificate_error")
            waiting += [getattr(found, name, None) for name in names]


def _of_reader(error: BaseException) -> RemoteError | None:
    return RemoteError(str(error)) if isinstance(error, NoReaderError) else None


def _of_answer(error: BaseException) -> RemoteError | None:
    if isinstance(error, OtherVersionError):
        return RemoteError(str(error))
    return PassingRemoteError(str(error)) if isinstance(error, OtherBytesError) else None


def _of_xrootd(error: BaseException) -> RemoteError | None:
    found = reason_of(str(error)) if isinstance(error, OSError) else None
    if found is None:
        return None
    if found.is_missing:
        return MissingRemoteError(found.text)
    return PassingRemoteError(found.text) if found.is_passing else RemoteError(found.text)


def _of_protocol(error: BaseException) -> RemoteError | None:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "ClientPayloadError" in kinds:
        return PassingRemoteError("connection closed in the middle")
    if "TooManyRedirects" in kinds:
        return RemoteError("redirected too often")
    if kinds & {"InvalidURL", "NonHttpUrlClientError"}:
        return RemoteError("redirected to what is no address of HTTP")
    if kinds & {"BadHttpMessage", "HttpProcessingError"}:
        return PassingRemoteError("the answer of the server is not HTTP")
    return None


def _of_status(error: BaseException) -> RemoteError | None:
    """Recognise an answer with a status of HTTP."""
    status = getattr(error, "status", None)
    if isinstance(status, bool) or not isinstance(status, int) or not 300 <= status < 600:
        return None
    known = {one.value: one.phrase for one in HTTPStatus}
    text = f"{status} {known.get(status, '')}".strip()
    if status in _MISSING:
        return MissingRemoteError(text)
    return PassingRemoteError(text) if status >= 500 or status in _PASSING else RemoteError(text)


def _of_certificate(error: BaseException) -> RemoteError | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return RemoteError(
            f"the certificate of the server is not accepted: {error.verify_message}"[:_LONGEST]
        )
    if isinstance(error, ssl.SSLError):
        return RemoteError(f"no encrypted connection: {getattr(error, 'reason', None) or 'TLS failed'}")
    return None


def _of_time(error: BaseException) -> RemoteError | None:
    return PassingRemoteError("no answer in time") if isinstance(error, TimeoutError) else None


def _of_name(error: BaseException) -> RemoteError | None:
    if not isinstance(error, socket.gaierror):
        return None
    text = "its host is not known"
    return PassingRemoteError(text) if error.errno == socket.EAI_AGAIN else RemoteError(text)


def _of_connection(error: BaseException) -> RemoteError | None:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, ConnectionRefusedError):
        return PassingRemoteError("connection refused")
    if isinstance(error, ConnectionError) or "ServerDisconnectedError" in kinds:
        return PassingRemoteError("connection closed in the middle")
    return None


def _of_system(error: BaseException) -> RemoteError | None:
    code = error.errno if isinstance(error, OSError) else None
    if code not in errno.errorcode:
        return None
    text = os.strerror(code or 0)
    if code == errno.ENOENT:
        return MissingRemoteError(text)
    return RemoteError(text) if code in _LASTING else PassingRemoteError(text)


def _of_place(error: BaseException) -> RemoteError | None:
    """Recognise what fsspec raises of a file that is not there: without a number or a better cause."""
    is_it = isinstance(error, FileNotFoundError) and isinstance(error.__cause__, (LookupError, type(None)))
    return MissingRemoteError(os.strerror(errno.ENOENT)) if is_it else None


def _of_text(causes: list[BaseException]) -> RemoteError:
    """Quote a library of which nothing else is known, without addresses."""
    for error in (cause for cause in causes if not isinstance(cause, FileNotFoundError)):
        lines = without_secrets(str(error)).split("\n")
        text = re.sub(r"[a-zA-Z][\w+.-]*://\S*", "...", lines[0]).strip()
        if text:
            kind = PassingRemoteError if isinstance(error, OSError) else RemoteError
            return kind(f"{type(error).__name__}: {text}"[:_LONGEST])
    return RemoteError(type(causes[0]).__name__)
