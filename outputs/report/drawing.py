"""Figures onto the disk; one that cannot be drawn or written is logged and takes nothing else with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from matplotlib.figure import Figure

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.error_line import error_line
from na64.outputs.report.style import FORMATS, images, style

Make: TypeAlias = Callable[[], Figure]

_log = logging.getLogger(__name__)


def write_figure(
    folder: Path, name: str, make: Make, *, formats: Iterable[str] = FORMATS
) -> dict[str, bytes]:
    """Draw a figure in our style and write it; of one that fails nothing stays, nor of what it was before.

    Parameters
    ----------
    folder : Path
    name : str
        Of the files, without suffix.
    make : callable
        Returns the figure. Whatever it raises is logged: numbers and verdict never depend on a picture.
    formats : iterable of str
        Suffixes.

    Returns
    -------
    dict of str to bytes
        The images by suffix; empty if it failed.
    """
    written: dict[str, bytes] = {}
    try:
        with style():
            for suffix, data in images(make(), formats):
                write_bytes(folder / f"{name}.{suffix}", data)
                written[suffix] = data
    except Exception as problem:
        _log.warning("figure %s is not drawn: %s", name, error_line(problem))
        for suffix in formats:
            with suppress(OSError):
                (folder / f"{name}.{suffix}").unlink()
        return {}
    return written
