"""Text that others wrote, as it may be shown: names, labels and reasons never steer a terminal or a page."""

from __future__ import annotations

import unicodedata

_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF
"""Letters that stand for the bytes 0x80 to 0xFF of a file name that is not UTF-8."""


def visible(text: str, *, keep: str = "") -> str:
    r"""Text in which control characters, marks of direction and bytes that are not UTF-8 are written out.

    As ``\x1b``, ``\u202e`` and ``\xff``.

    Parameters
    ----------
    text : str
    keep : str
        Of these, the ones that stay.
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_harmless(letter) or letter in keep else _escape(letter) for letter in text)


def is_utf8(text: str) -> bool:
    """Whether a name of a file or an argument was UTF-8, as everything that is written is."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_harmless(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def _escape(letter: str) -> str:
    code = ord(letter)
    if _FIRST_BYTE <= code <= _LAST_BYTE:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
