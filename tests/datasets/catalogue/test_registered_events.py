"""A file that changes while it is read is named, and nothing is made of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.catalogue.registered_events import registered_events
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.stored import ChangedFileError

LAYOUT = load_layout("tout2023")
EXPECTED = Expectation((LAYOUT,), load_periods())
Writer = Callable[..., Path]


def overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def replace(path: Path, content: bytes) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(content)
    other.rename(path)


@pytest.mark.parametrize("container", ["ttree", "rntuple", "parquet"])
@pytest.mark.parametrize("change", [overwrite, replace])
def test_a_file_that_is_replaced_between_two_batches_is_named(
    change: Callable[[Path, bytes], None], container: str, write_run: Writer
) -> None:
    path = write_run(container=container)
    record, before, content = inspect(str(path), EXPECTED), path.stat(), path.read_bytes()
    batches = registered_events(record, LAYOUT, 0, record.entries, n_events=2)
    next(batches)
    change(path, content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as rsync -t and cp -p leave it
    with pytest.raises(ChangedFileError, match=rf"{path.name}: another content than was registered"):
        list(batches)


def test_a_file_that_is_only_touched_while_it_is_read_is_read(write_run: Writer) -> None:
    path = write_run()
    record = inspect(str(path), EXPECTED)
    batches = registered_events(record, LAYOUT, 0, record.entries, n_events=2)
    n_events = next(batches).n_events
    os.utime(path)
    assert n_events + sum(events.n_events for events in batches) == record.entries
