from __future__ import annotations

from na64.datasets.inspection import Keys
from na64.datasets.overlap import quarantine_overlaps
from na64.datasets.records import FileRecord, Status


def of_run(path: str, run: int, status: Status = Status.GOOD) -> FileRecord:
    reason = "" if status is Status.GOOD else "broken"
    shared = {"runs": {run: 1}, "entries": 1, "segments": ((0, 1),), "spills": ({run: (1,)},)}
    return FileRecord(path, status=status, reason=reason, **shared)  # type: ignore[arg-type]


def test_only_files_that_share_a_run_with_a_good_one_are_read() -> None:
    def refuse(record: FileRecord) -> Keys:
        raise OSError(f"{record.name} was read")

    records = of_run("/a", 8701), of_run("/b", 8702), of_run("/c", 8701, Status.QUARANTINED)
    assert quarantine_overlaps(records, refuse) == records
