"""Files of which coffea would show other numbers than this package reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pyarrow.parquet as pq
import uproot

from na64.datasets.reading.files import is_url, open_file
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.parquet_files import table_of
from na64.datasets.reading.rntuple_files import late_arrays
from na64.datasets.reading.stored import BadFileError, StructureError, Tree

_LATE = 'branch "{name}" was added later, and coffea shows other values: na64.nanoevents reads it'

_checked: WeakSet[Any] = WeakSet()
"""Sources of coffea that have been looked at: all selections of their events have the same."""


def check_source(source: Any, layout: Layout) -> None:
    """Refuse what coffea would read otherwise than `na64.datasets.reading.read.read`, before it does.

    These are missing values of integers and lists in Parquet files, arrays that were added to an RNTuple
    later, and types that no layout allows, such as packed numbers.

    Parameters
    ----------
    source : NanoEventsFactory or None
        What made the events; of those that coffea did not read there is none.
    layout : Layout
        Of the events.

    Raises
    ------
    BadFileError
        Names the file and the branch.
    """
    if source is None or source in _checked or source.file_handle is None:
        return
    try:
        for problem in _problems(source.file_handle, layout):
            raise StructureError(problem)
    except BadFileError as error:
        raise error.of(_name(source.file_handle)) from None
    _checked.add(source)


def _problems(handle: Any, layout: Layout) -> Iterator[str]:
    if isinstance(handle, pq.ParquetFile):
        yield from _of_tree(table_of(handle), layout)
        return
    path = str(_file(handle).file_path)
    directory = _file(handle).root_directory
    for key, kind in directory.classnames(recursive=True, cycle=False).items():
        if key not in layout.trees:
            continue
        if kind == "ROOT::RNTuple":
            names = [name for branch in layout.branches() for name in branch.names]
            yield from (_LATE.format(name=name) for name in late_arrays(directory[key], names))
        if is_url(path) or Path(path).exists():
            with open_file(path) as file:
                yield from _of_tree(file.tree(key), layout)


def _of_tree(tree: Tree, layout: Layout) -> Iterator[str]:
    yield from layout.problems(tree)
    try:
        tree.check(layout.stored_names(tree))
    except StructureError as error:
        yield str(error)


def _file(handle: Any) -> Any:
    return handle.file if isinstance(handle, uproot.reading.ReadOnlyDirectory) else handle


def _name(handle: Any) -> str:
    is_root = not isinstance(handle, pq.ParquetFile)
    return Path(str(_file(handle).file_path)).name if is_root else "Parquet file"
