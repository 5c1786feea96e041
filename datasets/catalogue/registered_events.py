"""Events of registered files: of the content that was registered, from the first to the last."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from na64.datasets.catalogue.rechecking import check_content
from na64.datasets.catalogue.records import FileRecord
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.read import Record, read_batches


def registered_events(
    record: Record | str | Path,
    layout: Layout,
    start: int,
    stop: int,
    *,
    n_events: int | None = None,
    columns: Collection[str] | None = None,
    native: bool = True,
) -> Iterator[EventColumns]:
    """Yield events ``start`` to ``stop`` of a registered file, as `na64.datasets.reading.read.read_batches`.

    A file may be replaced between the look at its content and the reading, and while it is read. So it is
    looked at before the first batch and after the last, which costs a hash only if it was touched meanwhile.

    Raises
    ------
    ChangedFileError
        It has another content than was registered, or had when it had been read; names the file.
    """
    known = record if isinstance(record, FileRecord) else None
    if known is not None:
        check_content(known)
    yield from read_batches(record, layout, start, stop, n_events=n_events, columns=columns, native=native)
    if known is not None:
        check_content(known)
