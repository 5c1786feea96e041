"""Kernels made ready before events are read: compiled once for all processes of a machine, then loaded."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numba.core import event

from na64.datasets.basics.garbage import collection_paused
from na64.datasets.basics.identity import identity
from na64.datasets.catalogue.records import FileRecord
from na64.datasets.compiled import jit
from na64.datasets.conditions.periods import packaged_periods
from na64.datasets.instrument.columns import Shape
from na64.datasets.reading.detector_layout import CellStorage
from na64.datasets.reading.files import is_url, open_file
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.stored import Tree
from na64.processors.counting import counting
from na64.processors.counting.tally import N_COMPONENTS_WEIGHTED
from na64.processors.events.segment import shape_of, warm_up
from na64.processors.features import compute
from na64.processors.features.varied_features import feature_rows
from na64.processors.job import Job
from na64.selections.selection import SELECTIONS, load_selection

Variants: TypeAlias = tuple[tuple[Shape, str], ...]
"""Shapes and dtypes of cell columns: what kernels are compiled for."""

_USUAL: Variants = ((Shape.CELLS, "float64"), (Shape.HITS, "float32"))
"""What detectors write into the trees of 2023, and what hits are kept as."""

_log = logging.getLogger(__name__)


def stored_variants(records: Iterable[FileRecord], job: Job) -> Variants | None:
    """Shapes and dtypes of the cells as files have them: the first local one of each layout is looked at.

    Parameters
    ----------
    records : iterable of FileRecord
    job : Job

    Returns
    -------
    tuple of (Shape, str) or None
        None if no file can say so, or one is remote: whatever a layout allows may come.
    """
    first = {record.layout: record for record in reversed(list(records))}
    if any(is_url(record.path) for record in first.values()):
        return None
    found: set[tuple[Shape, str]] = set()
    try:
        for record in first.values():
            with open_file(record.path) as file:
                found |= set(_of_tree(file.tree(record.tree), job.layouts[record.layout]))
    except (OSError, ValueError, KeyError) as error:  # whoever reads the file will say so
        _log.debug("the types of columns are not known before events are read: %s", error)
        return None
    return tuple(sorted(found, key=str))


def _of_tree(tree: Tree, layout: Layout) -> Iterator[tuple[Shape, str]]:
    for detector in layout.detectors.values():
        if detector.kind is CellStorage.POSITIONS:
            continue
        stored = tree.stored(detector.columns["energy"].names[0])
        if stored is not None:
            yield shape_of(detector), stored.dtype


def make_ready(job: Job, variants: Variants | None, say: Callable[[str], None] | None = None) -> None:
    """Compile, or load, what a job needs; one process of a machine compiles while others wait for it.

    Parameters
    ----------
    job : Job
    variants : tuple of (Shape, str) or None
        As `stored_variants` finds them.
    say : callable, optional
        Is told if something has to be compiled, and when it is done.
    """
    with _one_compiles(variants, job.n_components), _compiling(say):
        warm_up(job, variants)


def compile_usual(say: Callable[[str], None]) -> int:
    """Compile what packaged set-ups, selections and layouts usually need; return the number of kernels."""
    with _one_compiles(_USUAL, N_COMPONENTS_WEIGHTED), _compiling(say) as compiled:
        for period in packaged_periods().values():
            compute.warm_up(period.setup, _USUAL)
        for name in SELECTIONS:
            selection = load_selection(name)
            values = np.zeros((len(feature_rows(selection)), 1), np.float32)
            for n_components in (1, N_COMPONENTS_WEIGHTED):
                counting.count_events(selection, values, np.zeros((n_components - 1, 1), np.int64))
    return compiled.n_begun


@contextmanager
def _one_compiles(variants: Variants | None, n_components: int) -> Iterator[None]:
    """Let one process at a time compile; nobody waits where what is needed has been compiled before."""
    folder = jit.CACHE_FOLDER
    if folder is None:
        yield
        return
    done = folder / f"{identity([_stamps(), _plain(variants), n_components])[:16]}.ready"
    if done.exists():
        yield
        return
    with ExitStack() as held:
        with suppress(OSError):  # a full disk, a file system without locks: each compiles for itself
            lock = held.enter_context((folder / "compiling.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    with suppress(OSError):
        done.touch()


def _plain(variants: Variants | None) -> list[list[str]]:
    return [[shape.value, dtype] for shape, dtype in variants or ()]


@cache
def _stamps() -> list[list[object]]:
    """What numba looks at to know if a kernel that it has kept is the one of the source."""
    sources = jit.kernel_sources(Path(jit.__file__).parents[2])
    return [[str(path), path.stat().st_mtime_ns, path.stat().st_size] for path in sources]


class _Compilations(event.Listener):  # type: ignore[misc]
    """Notes the first kernel that is compiled and not loaded."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.n_begun = 0

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002
        self.n_begun += 1
        if self.n_begun == 1:
            self._say("compiling kernels, once for all jobs on this machine: some 10 s")

    def on_end(self, event: event.Event) -> None:
        """Pass over."""


@contextmanager
def _compiling(say: Callable[[str], None] | None) -> Iterator[_Compilations]:
    """Count what is compiled meanwhile, and say that it is."""
    listener = _Compilations(say or _log.info)
    with event.install_listener("numba:compile", listener), collection_paused():
        yield listener
    if say is not None and listener.n_begun:
        say(f"compiled {listener.n_begun} kernels; the next job loads them")
