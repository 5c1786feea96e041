"""What the program writes to: a reader that goes away, or a full disk, never takes the work with it."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from na64.datasets.basics.addresses import without_secrets

_N_STANDARD = 3
_GONE = (errno.EPIPE, errno.EBADF)


class TolerantStream:
    """A text stream that takes whatever is written: what cannot be written is dropped and remembered.

    Attributes
    ----------
    fault : OSError or None
        Why the first text that was lost could not be written; None too if its reader has only gone away.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_lost = False
        self.fault: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text; letters that the terminal does not know are escaped."""
        if not self._is_lost:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "ascii"
                self.write(text.encode(encoding, "backslashreplace").decode(encoding))
            except (OSError, ValueError) as error:
                self._lose(error)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what was kept back."""
        if not self._is_lost:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def _lose(self, error: OSError | ValueError) -> None:
        self._is_lost = True
        if isinstance(error, OSError) and error.errno not in _GONE:
            self.fault = error
        # Else Python tries again at its end, and fails with words and a code of its own.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def steady_output() -> Iterator[TolerantStream]:
    """Let standard output and error be `TolerantStream`; give that of standard output."""
    _open_standard_files()
    before = sys.stdout, sys.stderr
    out, err = (TolerantStream(stream or _nowhere()) for stream in before)
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    last = logging.lastResort
    if last is not None:
        last.addFilter(_hide_secrets)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        if last is not None:
            last.removeFilter(_hide_secrets)
        sys.stdout, sys.stderr = before


def _open_standard_files() -> None:
    """Let no file of ours become standard output because that was closed: others would write into it."""
    for number in range(_N_STANDARD):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  (as long as the program)


def _hide_secrets(record: logging.LogRecord) -> bool:
    """Take secrets out of what libraries log: some name URLs with all that is in them."""
    record.msg, record.args = without_secrets(record.getMessage()), None
    record.exc_info = record.exc_text = record.stack_info = None
    return True
