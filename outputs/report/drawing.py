"""Figures onto the disk; one that cannot be drawn or written is logged and takes nothing else with it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from pickle import PicklingError
from typing import TypeAlias

from matplotlib.figure import Figure

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.error_line import error_line
from na64.datasets.basics.garbage import collection_paused
from na64.datasets.basics.parent_process import end_with_parent
from na64.outputs.report.style import FORMATS, images, learn_formulas, style

Make: TypeAlias = Callable[[], Figure]

_WORTH = 3
"""Figures that are worth another process."""

_Drawn: TypeAlias = tuple[dict[str, bytes], str]
"""Images of a figure by suffix, or what went wrong."""

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
    written, problem = _attempt(folder, name, make, tuple(formats))
    if problem:
        _log.warning("figure %s is not drawn: %s", name, problem)
    return written


def write_figures(folder: Path, figures: Sequence[tuple[str, Make]]) -> Iterator[dict[str, bytes]]:
    """Draw and write several figures as `write_figure` does one, on all processors where that is safe.

    Parameters
    ----------
    folder : Path
    figures : sequence of (str, callable)
        Names and what draws them.

    Yields
    ------
    dict of str to bytes
        The images of each figure, in order.
    """
    n_processes = min(_processors(), len(figures) // _WORTH)
    if n_processes < 2:
        yield from (write_figure(folder, name, make) for name, make in figures)
        return
    learn_formulas()
    fork = get_context("fork")
    with warnings.catch_warnings(), ProcessPoolExecutor(n_processes, fork, end_with_parent) as pool:
        warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
        drawn = [_submit(pool, folder, name, make) for name, make in figures]
        for (name, make), future in zip(figures, drawn, strict=True):
            yield _result(future, folder, name, make)


def _submit(pool: ProcessPoolExecutor, folder: Path, name: str, make: Make) -> Future[_Drawn]:
    try:
        return pool.submit(_attempt, folder, name, make, FORMATS)
    except BrokenProcessPool as problem:
        lost: Future[_Drawn] = Future()
        lost.set_exception(problem)
        return lost


def _result(future: Future[_Drawn], folder: Path, name: str, make: Make) -> dict[str, bytes]:
    """What a process has drawn; of one that was lost, or could not be told what to draw, drawn here."""
    try:
        written, problem = future.result()
    except (BrokenProcessPool, PicklingError, AttributeError, TypeError):
        return write_figure(folder, name, make)
    if problem:
        _log.warning("figure %s is not drawn: %s", name, problem)
    return written


def _processors() -> int:
    """Processors to draw on: one if a copy of this process would not be safe, as beside other threads."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return len(os.sched_getaffinity(0))


def _attempt(folder: Path, name: str, make: Make, formats: tuple[str, ...]) -> _Drawn:
    """Draw and write a figure; give its images, or what went wrong."""
    written: dict[str, bytes] = {}
    try:
        with style(), collection_paused():  # a figure is thousands of objects, all in use until it is done
            for suffix, data in images(make(), formats):
                write_bytes(folder / f"{name}.{suffix}", data)
                written[suffix] = data
    except Exception as problem:
        for suffix in formats:
            with suppress(OSError):
                (folder / f"{name}.{suffix}").unlink()
        return {}, error_line(problem)
    return written, ""
