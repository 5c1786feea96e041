from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.catalogue.build import build
from na64.datasets.catalogue.records import FileRecord
from na64.processors.execution.file_checks import check_files

Registered = Callable[[int], tuple[FileRecord, ...]]


@pytest.fixture
def registered(simulate: Any, tmp_path: Path) -> Registered:
    def register(events: int) -> tuple[FileRecord, ...]:
        return build([simulate(tmp_path, "small", events)], simulation=False).good

    return register


def test_good_files_have_no_fault_and_each_is_told_of(registered: Registered) -> None:
    records = registered(300)
    seen: list[tuple[int, int]] = []
    assert check_files(records, progress=lambda *n: seen.append(n)) == {}
    assert seen == [(n, len(records)) for n in range(1, len(records) + 1)]


def test_faults_are_named_in_the_order_of_the_records(registered: Registered) -> None:
    records = registered(300)
    Path(records[0].path).unlink()
    path = Path(records[1].path)
    size = path.stat().st_size
    path.write_bytes(b"root")
    assert list(check_files(records).values()) == [
        f"{records[0].name}: cannot be read: No such file or directory",
        f"{records[1].name}: 4 bytes, registered with {size}",
    ]


def test_a_storage_that_hangs_costs_the_deadline_and_only_its_file(
    registered: Registered, monkeypatch: pytest.MonkeyPatch, patience: Callable[..., float]
) -> None:
    records = registered(300)
    deadline = patience(lambda: check_files(records), least=0.2)
    never, stat = threading.Event(), Path.stat

    def hang(self: Path, **options: Any) -> os.stat_result:
        if str(self) == records[0].path:
            never.wait()
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", hang)
    assert check_files(records, deadline=deadline) == {
        records[0].path: f"{records[0].name}: no answer within {deadline:g} s"
    }
    never.set()


@pytest.mark.parametrize(("code", "attempts"), [(errno.EIO, 3), (errno.ESTALE, 3), (errno.EACCES, 1)])
def test_a_storage_that_fails_for_a_moment_is_asked_again(
    registered: Registered, monkeypatch: pytest.MonkeyPatch, code: int, attempts: int
) -> None:
    record, stat, asked = registered(300)[0], Path.stat, []

    def fail(self: Path, **options: Any) -> os.stat_result:
        if str(self) == record.path:
            asked.append(1)
            if len(asked) < attempts or attempts == 1:
                raise OSError(code, os.strerror(code), str(self))
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", fail)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    faults = check_files([record])
    assert list(faults.values()) == (
        [] if attempts > 1 else [f"{record.name}: cannot be read: Permission denied"]
    )
    assert len(asked) == attempts


@pytest.mark.parametrize("fault", ["401", "503", "stall"])
def test_a_server_is_named_with_its_code_or_the_time(
    web: Any, registered: Registered, fault: str, patience: Callable[..., float]
) -> None:
    record = registered(300)[0]
    web.files["run.root"] = Path(record.path).read_bytes()
    remote = replace(record, path=f"{web.url}/run.root")
    assert check_files([remote]) == {}
    deadline = patience(lambda: check_files([remote]), least=0.9)
    web.fault = fault
    reasons = {"401": "401 Unauthorized", "503": "503 Service Unavailable"}
    expected = f"run.root: cannot be read: {reasons.get(fault, f'no answer within {deadline:g} s')}"
    assert list(check_files([remote], deadline=deadline).values()) == [expected]
