from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from na64.datasets.inspection import (
    Expectation,
    _check_expansion,
    check_content,
    find_change,
    inspect,
    verify,
)
from na64.datasets.layout import Layout, load_layout
from na64.datasets.periods import load_periods
from na64.datasets.records import FileRecord
from na64.datasets.stored import BadFileError, ChangedFileError

TOUT = load_layout("tout2023")
EXPECTED = Expectation((TOUT,), load_periods())
Writer = Callable[..., Path]


@pytest.fixture
def write(make_values: Callable[..., Any], write_file: Callable[..., Path]) -> Writer:
    """Write a run file of six events, some branches of it changed."""

    def make(**changed: Any) -> Path:
        return write_file("tout", make_values(TOUT, 6) | changed)

    return make


def registered(path: Path) -> FileRecord:
    record = inspect(str(path), EXPECTED)
    assert record.is_good
    return record


@pytest.mark.parametrize(("branch", "bits"), [("spillN", 31), ("spilleventtN", 32)])
def test_spills_and_events_have_so_many_bits(branch: str, bits: int, write: Writer) -> None:
    assert inspect(str(write(**{branch: np.full(6, 2**bits - 1)})), EXPECTED).is_good
    record = inspect(str(write(**{branch: np.full(6, 2**bits)})), EXPECTED)
    assert record.reason.endswith(f"numbers from {2**bits} to {2**bits}, expected 0 to {2**bits - 1}")


@pytest.mark.parametrize(
    ("expanded", "size", "n_events", "message"),
    [
        (16_000_000, 1, 0, None),
        (16_000_001, 1, 100, "1 bytes say they expand to 16000001, more than 500 times"),
        (500 * 40_000, 40_000, 1000, None),
        (500 * 40_000 + 1, 40_000, 1000, "40000 bytes say they expand to 20000001, more than 500 times"),
        (16_000_001, 10**9, 0, "16000001 bytes an event, more than 1000000"),
        (20_000_000, 10**9, 20, None),
        (20_000_021, 10**9, 20, "1000001 bytes an event, more than 1000000"),
    ],
)
def test_a_file_may_expand_so_far(expanded: int, size: int, n_events: int, message: str | None) -> None:
    refusal = nullcontext() if message is None else pytest.raises(BadFileError, match=f"^{message}$")
    with refusal:
        _check_expansion(expanded, size, n_events)


def test_a_file_that_would_fill_the_memory_is_quarantined(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    swollen = make_values(TOUT, 6) | {"zeros": np.zeros((6, 400_000))}
    record = inspect(str(write_file("tout", swollen, container="parquet")), EXPECTED)
    assert re.fullmatch(r"\d+ bytes say they expand to \d+, more than 500 times", record.reason)


def test_a_fault_of_ours_is_not_blamed_on_the_file(write: Writer) -> None:
    path = write()
    with pytest.raises(AttributeError):
        inspect(str(path), replace(EXPECTED, layouts=(cast("Layout", None),)))
    with pytest.raises(ValueError, match="null byte"):
        find_change(replace(registered(path), path=f"{path}\0"))


def test_a_url_is_not_taken_for_a_path(
    tmp_path: Path, write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"file://{write()}"
    (tmp_path / url).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert inspect(url, EXPECTED).is_good


def test_a_path_is_not_taken_for_a_url(tmp_path: Path) -> None:
    path = tmp_path / "zip::a.parquet"
    path.write_bytes(b"eleven.....")
    with pytest.raises(ChangedFileError, match=r"a\.parquet: 11 bytes, registered with 0"):
        verify(FileRecord(str(path)))


def test_content_of_the_same_size_is_noticed_when_it_is_used(write: Writer) -> None:
    path = write()
    record = registered(path)
    check_content(record)
    assert find_change(record) == ""
    path.write_bytes(bytes(record.size))
    verify(record)  # cheap: it is not opened
    with pytest.raises(ChangedFileError, match=r"run\.root: another content than was registered"):
        check_content(record)
    assert find_change(record) == "changed since it was registered: another content of the same size"


def test_the_content_of_a_remote_file_is_not_asked_for(write: Writer) -> None:
    record = registered(write())
    remote = replace(record, path=f"file://{record.path}")
    Path(record.path).write_bytes(os.urandom(record.size))
    check_content(remote)
    assert find_change(remote) == ""
