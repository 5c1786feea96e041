"""What the program writes on a terminal, where names of others are shown and never obeyed."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, redirect_stdout
from typing import Any, TextIO, cast

from na64.datasets.basics.named import shortened
from na64.datasets.basics.plain_text import visible

_LONGEST = 2000


class _Visible:
    """A stream on which one line is written at a time, not without end, with control characters visible."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        line = text.removesuffix("\n")
        self._stream.write(_encodable(visible(shortened(line, _LONGEST)), self._stream) + text[len(line) :])
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _encodable(text: str, stream: TextIO) -> str:
    """Replace what a terminal of another encoding has no letter for."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def visible_output() -> AbstractContextManager[object]:
    """Let all that is printed be visible."""
    return redirect_stdout(cast("TextIO", _Visible(sys.stdout)))


def complain(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=cast("TextIO", _Visible(sys.stderr)))
