"""Whatever is wrong with what is in a file is said with the name of the file, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST = 160


@contextmanager
def named(name: str) -> Iterator[None]:
    """Turn what goes wrong while the content of a file is read into a ValueError that names the file.

    What the system says of the file itself passes: it names it already.
    """
    try:
        yield
    except (OSError, MemoryError):
        raise
    except RecursionError:
        raise ValueError(f"{name}: nested too deeply") from None
    except Exception as error:  # of decoders, templates and tables: each has kinds of its own
        text = _text(error)
        if isinstance(error, (ValueError, KeyError)) and text.startswith(name):
            raise
        raise ValueError(f"{name}: {text}") from error


def _text(error: Exception) -> str:
    if isinstance(error, (UnicodeDecodeError, UnicodeEncodeError)):
        return f"not UTF-8: {error.reason} at byte {error.start}"
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
        return text if " " in text else f'"{shortened(text)}" is missing'
    return shortened(" ".join(str(error).split())) or type(error).__name__


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Cut a text that is too long to be shown."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def without_middle(text: str, longest: int) -> str:
    """Text without its middle, if it is too long to be shown; two thirds of what is left are before it."""
    if len(text) <= longest:
        return text
    mark = " ... "
    left = longest - len(mark)
    end = left // 3
    return f"{text[: left - end]}{mark}{text[len(text) - end :]}"
